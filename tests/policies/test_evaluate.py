"""What must be true of every decision, whatever the policies are."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.policies.situations import SITUATIONS, Case, Statement, of_principals, of_resources, written
from twinport.model.identities import PrincipalKind
from twinport.policies.documents import Policy, PolicyKind
from twinport.policies.evaluate import Allowed, Denied, Source, decide
from twinport.policies.grants import Identity
from twinport.policies.readings import Effect


@pytest.mark.slow
@given(SITUATIONS, of_principals("Deny"), of_resources("Deny"))
def test_adding_a_deny_never_grants(before: Case, of_principal: Statement, of_resource: Statement) -> None:
    with_more = [
        replace(before, identity=[*before.identity, of_principal]),
        replace(before, resource=[*before.resource, of_resource]),
        replace(before, session=[*(before.session or []), of_principal]),
        replace(before, service_control=[*before.service_control, [of_principal]]),
    ]
    assert before.is_allowed or not any(each.is_allowed for each in with_more)


@pytest.mark.slow
@given(SITUATIONS, of_principals("Allow"), of_resources("Allow"))
def test_adding_an_allow_never_denies(before: Case, of_principal: Statement, of_resource: Statement) -> None:
    with_more = [
        replace(before, identity=[*before.identity, of_principal]),
        replace(before, resource=[*before.resource, of_resource]),
        replace(before, boundary=before.boundary and [*before.boundary, of_principal]),
        replace(before, service_control=[[*level, of_principal] for level in before.service_control]),
    ]
    assert not before.is_allowed or all(each.is_allowed for each in with_more)


@given(SITUATIONS)
def test_the_order_of_statements_does_not_matter(before: Case) -> None:
    turned = replace(
        before,
        identity=before.identity[::-1],
        resource=before.resource[::-1],
        service_control=[level[::-1] for level in before.service_control[::-1]],
        resource_control=before.resource_control[::-1],
    )
    assert turned.is_allowed is before.is_allowed


@pytest.mark.slow
@given(SITUATIONS, st.sampled_from(["Action", "Resource"]))
def test_widening_the_patterns_of_allows_never_narrows(before: Case, element: str) -> None:
    def wider(listed: list[Statement]) -> list[Statement]:
        return [{**each, element: "*"} if each["Effect"] == "Allow" else each for each in listed]

    assume(before.is_allowed)
    assert replace(before, identity=wider(before.identity), resource=wider(before.resource)).is_allowed


@pytest.mark.slow
@given(SITUATIONS)
def test_across_accounts_an_allow_needs_both_sides(before: Case) -> None:
    principal = before.request.principal
    assume(isinstance(principal, Identity) and principal.account != before.request.account)
    nothing: Statement = {"Effect": "Allow", "Action": "ecr:Nothing", "Resource": "*"}
    assert not replace(before, resource=[{**nothing, "Principal": "*"}]).is_allowed
    assume(isinstance(principal, Identity) and principal.kind is not PrincipalKind.ROOT)
    assert not replace(before, identity=[nothing]).is_allowed


@pytest.mark.slow
@given(SITUATIONS)
def test_what_limits_never_grants(before: Case) -> None:
    assume(before.is_allowed)
    assert replace(before, boundary=None, session=None, service_control=[], resource_control=[]).is_allowed


@given(SITUATIONS)
def test_the_order_of_policies_does_not_matter(before: Case) -> None:
    def decided(identity: list[Policy]) -> bool:
        return isinstance(decide(before.request, replace(before.policies, identity=tuple(identity))), Allowed)

    apart = [written(PolicyKind.IDENTITY, [each]) for each in before.identity]
    assert decided(apart) is decided(apart[::-1]) is before.is_allowed


@given(SITUATIONS)
def test_an_explicit_denial_names_a_deny_and_an_allowance_an_allow(before: Case) -> None:
    match before.decision:
        case Allowed(by=Source(statement=statement)):
            assert statement.effect is Effect.ALLOW
        case Denied(by=Source(statement=statement), reason=reason):
            assert statement.effect is Effect.DENY
            assert reason.startswith("with an explicit deny in ")
        case _:
            assert before.decision.by is None
