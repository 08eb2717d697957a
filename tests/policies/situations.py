"""Cases of every kind, for properties: a question, and statements that speak about it."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st

from tests import fakes
from tests.policies.cases import HERE, THERE, WHO
from twinport.policies.documents import Policy, PolicyKind, parse
from twinport.policies.evaluate import Allowed, AuthorizationRequest, Decision, Policies, decide
from twinport.policies.grants import FederatedPrincipal

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
# Too many denials, and hardly a case would be allowed.
MOSTLY_ALLOW = ["Allow", "Allow", "Allow", "Deny"]
Statement = dict[str, object]


@dataclass(frozen=True)
class Case:
    """A question with the statements that speak about it."""

    request: AuthorizationRequest
    identity: list[Statement]
    resource: list[Statement]
    boundary: list[Statement] | None
    session: list[Statement] | None
    service_control: list[list[Statement]]
    resource_control: list[Statement]

    @property
    def is_allowed(self) -> bool:
        return isinstance(self.decision, Allowed)

    @property
    def decision(self) -> Decision:
        return decide(self.request, self.policies)

    @property
    def policies(self) -> Policies:
        session = self.session and written(PolicyKind.SESSION, self.session)
        denying = (written(PolicyKind.RESOURCE_CONTROL, self.resource_control),) if self.resource_control else ()
        return Policies(
            identity=(written(PolicyKind.IDENTITY, self.identity),),
            resource=(written(PolicyKind.REPOSITORY, self.resource),),
            boundary=written(PolicyKind.BOUNDARY, self.boundary) if self.boundary else None,
            session=(session,) if session else None,
            service_control=tuple((written(PolicyKind.SERVICE_CONTROL, level),) for level in self.service_control),
            resource_control=denying,
        )


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


def of_organizations() -> st.SearchStrategy[Statement]:
    """What a policy on resources may say: it denies everybody actions of a service."""
    return statements(
        ["Deny"], Principal=st.just("*"), Action=st.sampled_from([each for each in ACTIONS if each != "*"])
    )


def some(listed: st.SearchStrategy[Statement]) -> st.SearchStrategy[list[Statement]]:
    return st.lists(listed, min_size=1, max_size=4)


SITUATIONS = st.builds(
    Case,
    request=st.builds(
        AuthorizationRequest,
        # The subject of a provider meets trust policies alone.
        principal=st.sampled_from([each for each in WHO.values() if not isinstance(each, FederatedPrincipal)]),
        action=st.sampled_from(["ecr:PutImage", "ecr:BatchGetImage"]),
        resource=st.sampled_from(["arn:aws:ecr:eu-west-1:111122223333:repository/a", "arn:aws:ecr:x:1:repository/b"]),
        account=st.just(fakes.ACCOUNT),
        context=st.sampled_from([{}, {"aws:principaltag/team": ("red",)}, {"aws:principaltag/team": ("blue",)}]),
    ),
    identity=some(of_principals(*MOSTLY_ALLOW)),
    resource=some(of_resources(*MOSTLY_ALLOW)),
    boundary=st.none() | some(of_principals(*MOSTLY_ALLOW)),
    session=st.none() | some(of_principals(*MOSTLY_ALLOW)),
    service_control=st.just([]) | st.lists(some(of_principals(*MOSTLY_ALLOW)), max_size=2),
    resource_control=st.just([]) | some(of_organizations()),
)
