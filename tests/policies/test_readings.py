"""Where a match would grant it is read narrowly, and where it would refuse widely: nothing opens that was closed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import fakes
from tests.policies import former_wildcards
from tests.policies.cases import WHO
from twinport.policies.documents import PolicyKind, parse
from twinport.policies.evaluate import Allowed, AuthorizationRequest, Policies, decide
from twinport.policies.readings import Effect, Reading
from twinport.policies.steps import Steps
from twinport.policies.wildcards import Version, resource

NEW = Version.WITH_VARIABLES
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
# Short parts, so that colons and wildcards meet often.
PART = st.text("ab*?", max_size=3)
WRITTEN = st.lists(PART, min_size=1, max_size=8).map(":".join)
TEXT = st.lists(st.text("ab", max_size=3), min_size=1, max_size=8).map(":".join)
# What a policy may name, and what there is.
NAMED = st.lists(st.text("ab*?", min_size=1, max_size=3), max_size=5).map(
    lambda parts: ":".join(["arn:aws:ecr", *parts])
)
THERE = st.lists(st.text("ab", max_size=3), min_size=3, max_size=5).map(lambda parts: ":".join(["arn:aws:ecr", *parts]))
READINGS = [(effect, negated) for effect in Effect for negated in (False, True)]


def matches(written: str, text: str, effect: Effect, *, negated: bool) -> bool:
    return resource(written, NEW, Reading.of(effect, negated=negated)).matches(text, {}, Steps())


@given(WRITTEN, TEXT)
def test_what_would_refuse_matches_as_it_did_before(written: str, text: str) -> None:
    before = former_wildcards.matches(written, text)
    assert matches(written, text, Effect.DENY, negated=False) is before
    assert matches(written, text, Effect.ALLOW, negated=True) is before


@given(WRITTEN, TEXT)
def test_what_would_grant_matches_within_the_parts_of_an_arn(written: str, text: str) -> None:
    within = former_wildcards.matches_within_parts(written, text)
    assert matches(written, text, Effect.ALLOW, negated=False) is within
    assert matches(written, text, Effect.DENY, negated=True) is within


@given(WRITTEN, TEXT)
def test_what_matches_narrowly_matches_widely(written: str, text: str) -> None:
    if matches(written, text, Effect.ALLOW, negated=False):
        assert matches(written, text, Effect.DENY, negated=False)


@given(WRITTEN, TEXT, st.sampled_from(READINGS))
def test_a_pattern_with_a_variable_matches_as_with_its_value_written_out(
    written: str, text: str, read: tuple[Effect, bool]
) -> None:
    effect, negated = read
    whole = f"a:a:a:a:a:{written}"
    with_variable = resource(f"{whole}${{k:v}}", NEW, Reading.of(effect, negated=negated))
    bound = with_variable.matches(f"a:a:a:a:a:{text}", {"k:v": ("a",)}, Steps())
    assert bound is matches(f"{whole}a", f"a:a:a:a:a:{text}", effect, negated=negated)


@given(st.lists(NAMED, min_size=1, max_size=3), THERE, st.sampled_from(["Resource", "NotResource"]), st.booleans())
def test_no_resource_opens_that_was_closed(named: list[str], there: str, element: str, denies: bool) -> None:  # noqa: FBT001
    speaking = {"Effect": "Deny" if denies else "Allow", "Action": "*", element: named}
    text = json.dumps({"Version": "2012-10-17", "Statement": [speaking, *([ALLOW_ALL] if denies else [])]})
    request = AuthorizationRequest(WHO["alice"], "ecr:PutImage", there, fakes.ACCOUNT, {})
    is_allowed = isinstance(decide(request, Policies(identity=(parse(text, PolicyKind.IDENTITY),))), Allowed)
    before = any(former_wildcards.matches(each, there) for each in named) is (element == "Resource")
    was_allowed = before is not denies
    assert was_allowed or not is_allowed


REPOSITORY = "arn:aws:ecr:eu-west-1:111122223333:repository/team/app"


@pytest.mark.parametrize(
    ("written", "grants"),
    [
        ("*", True),
        ("arn:aws:ecr:*", True),
        ("arn:aws:ecr:*app", False),
        ("arn:aws:ecr:*:repository/team/app", True),
        ("arn:aws:ecr:*:*:repository/team/*", True),
        ("arn:aws:ecr:eu-*:111122223333:repository/team/app", True),
        ("arn:aws:ecr:eu-*", True),
        ("arn:aws:ecr:eu-*-1:111122223333:repository/*", True),
        ("arn:aws:ecr:*1:111122223333:repository/*", True),
        ("arn:aws:ecr:*3:repository/team/app", False),
        ("arn:aws:ecr:eu-west-?:111122223333:repository/*", True),
        ("arn:aws:ecr:eu-west-1?111122223333:repository/*", False),
        ("arn:aws:ecr:eu-west-1:111122223333:rep*app", True),
        ("arn:aws:ecr:eu-west-1:111122223333:repository?team/app", True),
    ],
)
def test_a_resource_is_granted_by_the_parts_of_its_arn(written: str, grants: bool) -> None:  # noqa: FBT001
    assert matches(written, REPOSITORY, Effect.ALLOW, negated=False) is grants
    assert matches(written, REPOSITORY, Effect.DENY, negated=False) is True


def test_wildcards_cross_the_colons_of_the_sixth_part() -> None:
    group = "arn:aws:logs:eu-west-1:111122223333:log-group:build:log-stream:one"
    assert matches("arn:aws:logs:*:*:log-group*one", group, Effect.ALLOW, negated=False)
    assert matches("arn:aws:logs:*:*:log-group?build?log-stream?one", group, Effect.ALLOW, negated=False)


UNRESOLVED = [f"{set_of}String{negated}{name}{if_exists}" for set_of in ("", "ForAllValues:", "ForAnyValue:")
              for negated in ("", "Not") for name in ("Equals", "EqualsIgnoreCase", "Like")
              for if_exists in ("", "IfExists")]  # fmt: skip


@given(st.sampled_from(UNRESOLVED), st.lists(st.text("ab", max_size=2), max_size=3), st.sampled_from(["a", "${k:n}-*"]))
def test_no_allow_holds_but_by_a_value_that_is_there(spelled: str, values: list[str], beside: str) -> None:
    name = spelled.replace("ForAllValues:", "").replace("ForAnyValue:", "")
    condition = {spelled: {"k:v": [beside, "${k:none}"]}}
    text = json.dumps({"Version": "2012-10-17", "Statement": {**ALLOW_ALL, "Condition": condition}})
    request = AuthorizationRequest(WHO["alice"], "a:b", "*", fakes.ACCOUNT, {"k:v": tuple(values)})
    if isinstance(decide(request, Policies(identity=(parse(text, PolicyKind.IDENTITY),))), Allowed):
        assert "Not" not in name
        assert "a" in values
