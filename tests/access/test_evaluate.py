"""What must be true of every decision, whatever the policies are."""

import json
from dataclasses import dataclass, replace

from hypothesis import assume, given
from hypothesis import strategies as st

from tests import fakes
from tests.access.cases import HERE, THERE, WHO
from twinport.access.evaluate import Allowed, Decision, Denied, Policies, Question, Source, decide
from twinport.access.grants import FederatedPrincipal, Identity
from twinport.access.policy import Effect, Policy, PolicyKind, parse
from twinport.model.identities import PrincipalKind

ACTIONS = ["ecr:PutImage", "ecr:Put*", "ecr:*", "*", "ecr:BatchGetImage"]
RESOURCES = ["*", "arn:aws:ecr:*:*:repository/*", "arn:aws:ecr:eu-west-1:111122223333:repository/a"]
NAMES = [
    "*",
    {"AWS": HERE},
    {"AWS": THERE},
    {"AWS": "arn:aws:iam::111122223333:user/alice"},
    {"AWS": "arn:aws:iam::111122223333:role/ci/builder"},
    {"AWS": "arn:aws:iam::444455556666:user/bob"},
    {"Service": "replication.ecr.amazonaws.com"},
]
CONDITIONS = [
    {},
    {"StringEquals": {"aws:PrincipalTag/team": "red"}},
    {"StringNotEqualsIfExists": {"aws:PrincipalTag/team": "red"}},
    {"Null": {"aws:PrincipalTag/team": "true"}},
]
Statement = dict[str, object]


@dataclass(frozen=True)
class Situation:
    """A question with the statements that speak about it."""

    question: Question
    identity: list[Statement]
    resource: list[Statement]
    boundary: list[Statement] | None
    session: list[Statement] | None

    @property
    def is_allowed(self) -> bool:
        return isinstance(self.decision, Allowed)

    @property
    def decision(self) -> Decision:
        session = self.session and written(PolicyKind.SESSION, self.session)
        policies = Policies(
            identity=(written(PolicyKind.IDENTITY, self.identity),),
            resource=(written(PolicyKind.REPOSITORY, self.resource),),
            boundary=written(PolicyKind.BOUNDARY, self.boundary) if self.boundary else None,
            session=(session,) if session else None,
        )
        return decide(self.question, policies)


def written(kind: PolicyKind, listed: list[Statement]) -> Policy:
    return parse(json.dumps({"Version": "2012-10-17", "Statement": listed}), kind)


def statements(effects: list[str], **more: st.SearchStrategy[object]) -> st.SearchStrategy[Statement]:
    return st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(effects),
            "Action": st.sampled_from(ACTIONS),
            "Resource": st.sampled_from(RESOURCES),
            "Condition": st.sampled_from(CONDITIONS),
            **more,
        }
    )


def of_principals(*effects: str) -> st.SearchStrategy[Statement]:
    return statements([*effects])


def of_resources(*effects: str) -> st.SearchStrategy[Statement]:
    return statements([*effects], Principal=st.sampled_from(NAMES))


def some(listed: st.SearchStrategy[Statement]) -> st.SearchStrategy[list[Statement]]:
    return st.lists(listed, min_size=1, max_size=4)


SITUATIONS = st.builds(
    Situation,
    question=st.builds(
        Question,
        # Whom a provider vouches for meets trust policies alone.
        principal=st.sampled_from([each for each in WHO.values() if not isinstance(each, FederatedPrincipal)]),
        action=st.sampled_from(["ecr:PutImage", "ecr:BatchGetImage"]),
        resource=st.sampled_from(["arn:aws:ecr:eu-west-1:111122223333:repository/a", "arn:aws:ecr:x:1:repository/b"]),
        account=st.just(fakes.ACCOUNT),
        context=st.sampled_from([{}, {"aws:principaltag/team": ("red",)}, {"aws:principaltag/team": ("blue",)}]),
    ),
    identity=some(of_principals("Allow", "Deny")),
    resource=some(of_resources("Allow", "Deny")),
    boundary=st.none() | some(of_principals("Allow", "Deny")),
    session=st.none() | some(of_principals("Allow", "Deny")),
)


@given(SITUATIONS, of_principals("Deny"), of_resources("Deny"))
def test_adding_a_deny_never_grants(before: Situation, of_principal: Statement, of_resource: Statement) -> None:
    assume(not before.is_allowed)
    assert not replace(before, identity=[*before.identity, of_principal]).is_allowed
    assert not replace(before, resource=[*before.resource, of_resource]).is_allowed
    assert not replace(before, session=[*(before.session or []), of_principal]).is_allowed


@given(SITUATIONS, of_principals("Allow"), of_resources("Allow"))
def test_adding_an_allow_never_denies(before: Situation, of_principal: Statement, of_resource: Statement) -> None:
    assume(before.is_allowed)
    assert replace(before, identity=[*before.identity, of_principal]).is_allowed
    assert replace(before, resource=[*before.resource, of_resource]).is_allowed
    assert replace(before, boundary=before.boundary and [*before.boundary, of_principal]).is_allowed


@given(SITUATIONS)
def test_the_order_of_statements_does_not_matter(before: Situation) -> None:
    turned = replace(before, identity=before.identity[::-1], resource=before.resource[::-1])
    assert turned.is_allowed is before.is_allowed


@given(SITUATIONS, st.sampled_from(["Action", "Resource"]))
def test_widening_the_patterns_of_allows_never_narrows(before: Situation, element: str) -> None:
    def wider(listed: list[Statement]) -> list[Statement]:
        return [{**each, element: "*"} if each["Effect"] == "Allow" else each for each in listed]

    assume(before.is_allowed)
    assert replace(before, identity=wider(before.identity), resource=wider(before.resource)).is_allowed


@given(SITUATIONS)
def test_across_accounts_an_allow_needs_both_sides(before: Situation) -> None:
    principal = before.question.principal
    assume(isinstance(principal, Identity) and principal.account != before.question.account)
    nothing: Statement = {"Effect": "Allow", "Action": "ecr:Nothing", "Resource": "*"}
    assert not replace(before, resource=[{**nothing, "Principal": "*"}]).is_allowed
    assume(isinstance(principal, Identity) and principal.kind is not PrincipalKind.ROOT)
    assert not replace(before, identity=[nothing]).is_allowed


@given(SITUATIONS)
def test_a_boundary_or_a_session_policy_never_grants(before: Situation) -> None:
    assume(before.is_allowed)
    assert replace(before, boundary=None, session=None).is_allowed


@given(SITUATIONS)
def test_an_explicit_denial_names_a_deny_and_an_allowance_an_allow(before: Situation) -> None:
    match before.decision:
        case Allowed(by=Source(statement=statement)):
            assert statement.effect is Effect.ALLOW
        case Denied(by=Source(statement=statement), reason=reason):
            assert statement.effect is Effect.DENY
            assert reason.startswith("with an explicit deny in ")
        case _:
            assert before.decision.by is None
