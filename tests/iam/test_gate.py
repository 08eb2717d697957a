"""Every operation of IAM asks the gate before it tells or changes anything."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import ACCOUNT, AllowAll, DenyAll, RecordingGate, caller
from tests.iam.answers import ALLOW_ALL, trusting
from twinport.access.calls import Call
from twinport.access.gate import Gate
from twinport.access.policy_library import PolicyLibrary
from twinport.access.sealing import Sealer
from twinport.access.uses import Uses
from twinport.aws import shapes
from twinport.aws.dispatch import Handler
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import ManualClock
from twinport.errors import AccessDenied, Refusal
from twinport.iam import door
from twinport.identities.access_keys import AccessKeys
from twinport.identities.account_facts import AccountFacts
from twinport.identities.account_report import AccountReport
from twinport.identities.boundaries import Boundaries
from twinport.identities.context_lookup import ContextLookup
from twinport.identities.credential_reports import CredentialReports
from twinport.identities.deletion import Deletions
from twinport.identities.entities import Entities
from twinport.identities.groups import Groups
from twinport.identities.instance_profiles import InstanceProfiles
from twinport.identities.login_profiles import LoginProfiles
from twinport.identities.managed_policies import ManagedPolicies
from twinport.identities.oidc_providers import OidcProviders
from twinport.identities.principal_policies import PrincipalPolicies
from twinport.identities.roles import Roles
from twinport.identities.service_access import ServiceAccess
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.identities.simulations import Simulations
from twinport.identities.users import Users
from twinport.policies.aws_managed import AwsPolicies
from twinport.policies.organization import NO_ORGANIZATION

ARN = f"arn:aws:iam::{ACCOUNT}:policy/mine"
CALL = Call(caller(), "127.0.0.1", "http")
# One value for every member that an operation may need.
REQUEST: dict[str, Any] = {
    "ActionNames": ["ecr:PutImage"],
    "AccountAlias": "acme",
    "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
    "JobId": "b3c4d5e6-0000-4000-8000-000000000000",
    "ServiceNamespaces": ["ecr"],
    "GlobalEndpointTokenVersion": "v2Token",
    "AWSServiceName": "replication.ecr.amazonaws.com",
    "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "AssumeRolePolicyDocument": "{}",
    "DeletionTaskId": "task/aws-service-role/replication.ecr.amazonaws.com/Role/1",
    "Description": "words",
    "Password": "Analytical 1843",
    "GroupName": "blue",
    "ClientID": "client",
    "InstanceProfileName": "profile",
    "OpenIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example",
    "ThumbprintList": [],
    "Url": "https://issuer.example",
    "PermissionsBoundary": ARN,
    "PolicyArn": ARN,
    "PolicyDocument": "{}",
    "PolicyInputList": [],
    "PolicyName": "mine",
    "PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/ann",
    "RoleName": "build",
    "Status": "Active",
    "TagKeys": ["team"],
    "Tags": [{"Key": "team", "Value": "blue"}],
    "UserName": "ann",
    "VersionId": "v1",
}


OTHER_ARN = f"arn:aws:iam::{ACCOUNT}:policy/other"
_TAGS = {"aws:RequestTag/team", "aws:TagKeys"}
_BOUNDARY = {"iam:PermissionsBoundary"}
_TAGGED = ("User", "Role", "Policy", "InstanceProfile", "OpenIDConnectProvider")
_BOUNDED = ("User", "Role")
_ATTACHING, _PUTTING = ("Attach", "Detach"), ("Put", "Delete")
# The condition keys that each operation gives besides those of caller, resource and request; the others give none.
KEYS: dict[str, set[str]] = {
    "CreateServiceLinkedRole": {"iam:AWSServiceName"},
    **{f"Create{kind}": _TAGS for kind in _TAGGED},
    **{f"Create{kind}": _TAGS | _BOUNDARY for kind in _BOUNDED},
    **{f"Tag{kind}": _TAGS for kind in _TAGGED},
    **{f"Untag{kind}": {"aws:TagKeys"} for kind in _TAGGED},
    **{f"{verb}GroupPolicy": {"iam:PolicyARN"} for verb in _ATTACHING},
    **{f"{verb}{kind}Policy": {"iam:PolicyARN"} | _BOUNDARY for verb in _ATTACHING for kind in _BOUNDED},
    **{f"{verb}{kind}Policy": _BOUNDARY for verb in _PUTTING for kind in _BOUNDED},
    **{f"{verb}{kind}PermissionsBoundary": _BOUNDARY for verb in _PUTTING for kind in _BOUNDED},
    **dict.fromkeys(("UpdateRole", "UpdateRoleDescription"), _BOUNDARY),
}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


def operations(catalog: EmbeddedCatalog, gate: Gate) -> Mapping[str, Handler[Call]]:
    clock, aws, entities = ManualClock(), AwsPolicies(), Entities(catalog, gate)
    boundaries, uses = Boundaries(catalog, entities, aws), Uses(catalog)
    verbs = door.Verbs(
        users=Users(catalog, entities, boundaries, clock),
        boundaries=boundaries,
        keys=AccessKeys(catalog, entities, clock, Sealer({"k": bytes(32)}, "k"), uses),
        login_profiles=LoginProfiles(catalog, entities),
        groups=Groups(catalog, entities, clock),
        roles=Roles(catalog, entities, boundaries, clock, uses),
        service_linked_roles=ServiceLinkedRoles(catalog, gate, clock),
        deletions=Deletions(catalog, gate, lambda: None),
        managed_policies=ManagedPolicies(catalog, entities, clock, aws),
        principal_policies=PrincipalPolicies(catalog, entities, clock, aws),
        instance_profiles=InstanceProfiles(catalog, entities, clock),
        oidc_providers=OidcProviders(catalog, entities, clock),
        account=AccountFacts(catalog, entities),
        report=AccountReport(catalog, entities, aws, uses),
        context_lookup=ContextLookup(catalog, entities, aws),
        credential_reports=CredentialReports(catalog, entities, uses, clock),
        service_access=ServiceAccess(catalog, entities, aws, uses, clock),
        simulations=Simulations(catalog, entities, PolicyLibrary(catalog, aws), NO_ORGANIZATION),
    )
    return door.handlers(verbs)


def request_of(operation: str) -> dict[str, Any]:
    members = shapes.load("iam").operations[operation].input.members
    return {name: REQUEST[name] for name in members if name in REQUEST}


async def test_a_caller_that_the_gate_refuses_learns_nothing_and_changes_nothing(catalog: EmbeddedCatalog) -> None:
    for name, handler in operations(catalog, DenyAll()).items():
        with pytest.raises(AccessDenied, match=f"not authorized to perform: iam:{name} "):
            await handler(CALL, request_of(name))
    assert await catalog.partition.generation() == 0


async def test_each_operation_is_authorized_by_the_action_of_its_name(catalog: EmbeddedCatalog) -> None:
    gate = RecordingGate()
    for name, handler in operations(catalog, gate).items():
        gate.asked.clear()
        with suppress(Refusal):
            await handler(CALL, request_of(name))
        also = ["iam:PassRole"] if name == "AddRoleToInstanceProfile" else []
        assert [action for action, _ in gate.asked] == [f"iam:{name}", *also]


async def test_each_operation_gives_conditions_the_keys_that_aws_says_it_gives(catalog: EmbeddedCatalog) -> None:
    await bound_ann_and_build(catalog)
    for name in operations(catalog, AllowAll()):
        gate = RecordingGate(denied=frozenset({f"iam:{name}"}))
        with pytest.raises(AccessDenied):
            await operations(catalog, gate)[name](CALL, request_of(name))
        (given,) = gate.contexts
        assert (name, set(given)) == (name, KEYS.get(name, set()))


async def test_the_keys_have_the_values_of_the_request_and_of_the_entity_that_it_changes(
    catalog: EmbeddedCatalog,
) -> None:
    await bound_ann_and_build(catalog)
    gate = RecordingGate()
    table = operations(catalog, gate)
    for name in ("TagUser", "AttachUserPolicy", "PutUserPermissionsBoundary", "CreateServiceLinkedRole"):
        with suppress(Refusal):
            await table[name](
                CALL, {**request_of(name), **({"PermissionsBoundary": OTHER_ARN} if "Put" in name else {})}
            )
    assert gate.contexts == [
        {"aws:RequestTag/team": ("blue",), "aws:TagKeys": ("team",)},
        {"iam:PolicyARN": (ARN,), "iam:PermissionsBoundary": (ARN,)},
        {"iam:PermissionsBoundary": (OTHER_ARN,)},
        {"iam:AWSServiceName": ("replication.ecr.amazonaws.com",)},
    ]


async def test_a_role_is_passed_to_machines_by_a_profile(catalog: EmbeddedCatalog) -> None:
    gate = RecordingGate()
    with suppress(Refusal):
        await operations(catalog, gate)["AddRoleToInstanceProfile"](CALL, request_of("AddRoleToInstanceProfile"))
    assert gate.asked[1] == ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/build")
    assert gate.contexts[1] == {"iam:PassedToService": ("ec2.amazonaws.com",)}


async def bound_ann_and_build(catalog: EmbeddedCatalog) -> None:
    """Make the policy 'mine', and a user and a role that it bounds."""
    table = operations(catalog, AllowAll())
    for name, more in (
        ("CreatePolicy", {"PolicyDocument": ALLOW_ALL}),
        ("CreateUser", {}),
        ("CreateRole", {"AssumeRolePolicyDocument": trusting(ACCOUNT)}),
    ):
        await table[name](CALL, {**request_of(name), **more})


async def test_a_role_is_named_to_the_gate_with_its_path(catalog: EmbeddedCatalog) -> None:
    gate = RecordingGate()
    table = operations(catalog, gate)
    await table["CreateUser"](CALL, {"UserName": "ann", "Path": "/staff/"})
    await table["GetUser"](CALL, {"UserName": "ann"})
    assert gate.asked[-1] == ("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/staff/ann")
