"""Tags of resources, and the rule about moving an image's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.model.images import Mutability, TagRule
from twinport.model.tags import resource_tags
from twinport.refusals.requests import InvalidParameter, InvalidTag, TooManyTags


def test_tags_come_back_as_they_were_given() -> None:
    assert resource_tags([("team", "a b/c"), ("größe", "")]) == {"team": "a b/c", "größe": ""}


@pytest.mark.parametrize(
    "pair",
    [("", "v"), ("k" * 129, "v"), ("k", "v" * 257), ("aws:x", "v"), ("AWS:x", "v"), ("k!", "v"), ("k", "\n")],
)
def test_a_tag_outside_its_grammar_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(InvalidTag):
        resource_tags([pair])


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(InvalidTag, match="more than once"):
        resource_tags([("k", "1"), ("k", "2")])


def test_fifty_tags_are_allowed_and_one_more_is_not() -> None:
    pairs = [(f"k{number}", "v") for number in range(51)]
    assert len(resource_tags(pairs[:50])) == 50
    with pytest.raises(TooManyTags):
        resource_tags(pairs)


@pytest.mark.parametrize(
    ("pattern", "tag", "excluded"),
    [
        ("dev-*", "dev-1", True),
        ("dev-*", "dev-", True),
        ("dev-*", "dev", False),
        ("*-dev", "x-dev", True),
        ("*a*b*", "xaxbx", True),
        ("*a*b*", "xbxax", False),
        ("a*a", "a", False),
        ("ab*ba", "aba", False),
        ("v1.2", "v1.2", True),
        ("v1.2", "v1x2", False),
        ("*", "", True),
    ],
)
def test_a_wildcard_stands_for_any_characters_and_nothing_else_is_special(
    pattern: str, tag: str, *, excluded: bool
) -> None:
    rule = TagRule(Mutability.IMMUTABLE_WITH_EXCLUSION, (pattern,))
    assert rule.forbids_moving(tag) is not excluded


def test_a_hostile_pattern_is_matched_in_no_time() -> None:
    assert TagRule(Mutability.IMMUTABLE_WITH_EXCLUSION, ("*a" * 64 + "b",)).forbids_moving("a" * 300)


@given(st.lists(st.text("ab"), min_size=1), st.lists(st.text("ab")))
def test_a_pattern_covers_what_was_made_from_it(parts: list[str], fillings: list[str]) -> None:
    filled = [part + filling for part, filling in zip(parts, [*fillings, *([""] * len(parts))], strict=False)]
    filled[-1] = parts[-1]
    rule = TagRule(Mutability.MUTABLE_WITH_EXCLUSION, ("*".join(parts),))
    assert rule.forbids_moving("".join(filled))


@pytest.mark.parametrize("mutability", ["IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"])
def test_a_rule_with_exclusions_must_name_them(mutability: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        TagRule.parse(mutability, ())
    assert refusal.value.message == (
        "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "
        f"'ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {mutability}'"
    )


def test_exclusions_beside_a_plain_rule_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="must be null"):
        TagRule.parse("IMMUTABLE", ("dev-*",))
