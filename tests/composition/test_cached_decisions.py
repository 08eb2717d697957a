"""What a process keeps in memory for its decisions never outlives what it was made from.

Two processes share a deployment. One of them serves a client; the other one makes a change, by the API. The very next
request to the first one must obey.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.catalogs import ENGINES, POSTGRESQL, emptied_address
from tests.deployment import ROOT, Keys, Process, begun
from tests.fakes import ACCOUNT

REPOSITORY = "team/api"
ARN = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{REPOSITORY}"
PULL = f"/v2/{REPOSITORY}/manifests/v1"
MANAGED = f"arn:aws:iam::{ACCOUNT}:policy/pullers"
ACTIONS = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"]


def document(effect: str = "Allow", condition: dict[str, Any] | None = None, principal: str | None = None) -> str:
    """Write a policy about pulls. A resource's policy names a principal and no resource."""
    statement: dict[str, Any] = {"Effect": effect, "Action": ACTIONS}
    statement |= {"Resource": "*"} if principal is None else {"Principal": principal}
    statement |= {"Condition": condition} if condition else {}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


OF_REGISTRY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage", "Resource": ARN}],
    }
)


@dataclass
class House:
    """The process that serves the client, the one that makes the changes, and the client's token."""

    serving: Process
    changing: Process
    auth: dict[str, str] = field(default_factory=dict)
    keys: Keys = ROOT

    async def iam(self, operation: str, **members: str) -> None:
        await self.changing.done("iam", operation, members)

    async def ecr(self, operation: str, **members: Any) -> None:  # noqa: ANN401 — as the API has it
        await self.changing.done("ecr", operation, members)

    async def user(self, policy: str = "") -> None:
        """Let the client be user `ci`, with an inline policy if one is given."""
        await self.iam("CreateUser", UserName="ci")
        if policy:
            await self.iam("PutUserPolicy", UserName="ci", PolicyName="p", PolicyDocument=policy)
        self.keys = await self.changing.new_keys("ci")

    async def status(self) -> int:
        """Pull an image as the client, with a token that is kept."""
        if not self.auth:
            self.auth = await self.serving.login(self.keys)
        return (await self.serving.ask("GET", PULL, b"", self.auth)).status


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    database = emptied_address(request) if request.param == POSTGRESQL else None
    processes = [begun(tmp_path / "data", database) for _ in range(2)]
    try:
        made = House(processes[0], processes[1])
        await made.ecr("CreateRepository", repositoryName=REPOSITORY)
        await made.changing.push(REPOSITORY, "v1", await made.changing.login(ROOT))
        yield made
    finally:
        for process in processes:
            process.whole.close()


# Each case: what lets the client pull, and the change after which it may not.
Act = Callable[[House], Awaitable[None]]


async def _an_open_account(house: House) -> None:
    assert house.keys == ROOT


async def _an_inline_policy(house: House) -> None:
    await house.user(document())


async def _it_is_removed(house: House) -> None:
    await house.iam("DeleteUserPolicy", UserName="ci", PolicyName="p")


async def _it_denies(house: House) -> None:
    await house.iam("PutUserPolicy", UserName="ci", PolicyName="p", PolicyDocument=document("Deny"))


async def _a_boundary_that_allows_nothing(house: House) -> None:
    await house.iam("CreatePolicy", PolicyName="pullers", PolicyDocument=document("Deny"))
    await house.iam("PutUserPermissionsBoundary", UserName="ci", PermissionsBoundary=MANAGED)


async def _a_managed_policy(house: House) -> None:
    await house.user()
    await house.iam("CreatePolicy", PolicyName="pullers", PolicyDocument=document())
    await house.iam("AttachUserPolicy", UserName="ci", PolicyArn=MANAGED)


async def _its_new_version_denies(house: House) -> None:
    denying = {"PolicyArn": MANAGED, "PolicyDocument": document("Deny"), "SetAsDefault": "true"}
    await house.iam("CreatePolicyVersion", **denying)


async def _it_is_detached(house: House) -> None:
    await house.iam("DetachUserPolicy", UserName="ci", PolicyArn=MANAGED)


async def _a_membership(house: House) -> None:
    await house.user()
    await house.iam("CreateGroup", GroupName="pullers")
    await house.iam("PutGroupPolicy", GroupName="pullers", PolicyName="p", PolicyDocument=document())
    await house.iam("AddUserToGroup", GroupName="pullers", UserName="ci")


async def _it_ends(house: House) -> None:
    await house.iam("RemoveUserFromGroup", GroupName="pullers", UserName="ci")


async def _a_tag_of_the_user(house: House) -> None:
    await house.user(document(condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}}))
    await house.iam("TagUser", **{"UserName": "ci", "Tags.member.1.Key": "team", "Tags.member.1.Value": "blue"})


async def _another_value_of_the_users_tag(house: House) -> None:
    await house.iam("TagUser", **{"UserName": "ci", "Tags.member.1.Key": "team", "Tags.member.1.Value": "red"})


async def _a_tag_of_the_repository(house: House) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    await house.user(document())
    await house.iam("PutUserPolicy", UserName="ci", PolicyName="p", PolicyDocument=document(condition=condition))
    token = document().replace('"ecr:BatchGetImage"', '"ecr:GetAuthorizationToken"')
    await house.iam("PutUserPolicy", UserName="ci", PolicyName="token", PolicyDocument=token)
    await house.ecr("TagResource", resourceArn=ARN, tags=[{"Key": "team", "Value": "blue"}])


async def _the_repositorys_tag_goes(house: House) -> None:
    await house.ecr("UntagResource", resourceArn=ARN, tagKeys=["team"])


async def _the_repositorys_policy_denies(house: House) -> None:
    await house.ecr("SetRepositoryPolicy", repositoryName=REPOSITORY, policyText=document("Deny", principal="*"))


async def _the_registrys_policy_denies(house: House) -> None:
    await house.ecr("PutRegistryPolicy", policyText=OF_REGISTRY)


async def _the_key_is_deactivated(house: House) -> None:
    await house.iam("UpdateAccessKey", UserName="ci", AccessKeyId=house.keys.id, Status="Inactive")


async def _the_key_is_deleted(house: House) -> None:
    await house.iam("DeleteAccessKey", UserName="ci", AccessKeyId=house.keys.id)


async def _a_role(house: House) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    trusting = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    await house.iam("CreateRole", RoleName="builder", AssumeRolePolicyDocument=trusting)
    await house.iam("PutRolePolicy", RoleName="builder", PolicyName="p", PolicyDocument=document())
    house.keys = await house.changing.assume("builder")


async def _the_roles_policy_is_removed(house: House) -> None:
    await house.iam("DeleteRolePolicy", RoleName="builder", PolicyName="p")


async def _the_role_is_deleted(house: House) -> None:
    await _the_roles_policy_is_removed(house)
    await house.iam("DeleteRole", RoleName="builder")


async def _a_reset(house: House) -> None:
    assert (await house.changing.ask("POST", "/_twinport/reset")).status in (200, 204)


CASES = [
    (_an_inline_policy, _it_is_removed),
    (_an_inline_policy, _it_denies),
    (_an_inline_policy, _a_boundary_that_allows_nothing),
    (_a_managed_policy, _its_new_version_denies),
    (_a_managed_policy, _it_is_detached),
    (_a_membership, _it_ends),
    (_a_tag_of_the_user, _another_value_of_the_users_tag),
    (_a_tag_of_the_repository, _the_repositorys_tag_goes),
    (_an_inline_policy, _the_repositorys_policy_denies),
    (_an_inline_policy, _the_registrys_policy_denies),
    (_an_inline_policy, _the_key_is_deactivated),
    (_an_inline_policy, _the_key_is_deleted),
    (_a_role, _the_roles_policy_is_removed),
    (_a_role, _the_role_is_deleted),
    (_an_inline_policy, _a_reset),
    (_an_open_account, _a_reset),
]


@pytest.mark.parametrize(
    ("before", "change"), CASES, ids=[f"{before.__name__}-{change.__name__}" for before, change in CASES]
)
async def test_the_next_request_obeys_a_change_of_another_process(house: House, before: Act, change: Act) -> None:
    await before(house)
    assert [await house.status() for _ in range(3)] == [200, 200, 200]
    await change(house)
    assert await house.status() == 403


async def test_a_permission_counts_from_the_next_request(house: House) -> None:
    await house.user(document().replace('"ecr:BatchGetImage"', '"ecr:ListImages"'))
    assert [await house.status() for _ in range(2)] == [403, 403]
    await house.iam("PutUserPolicy", UserName="ci", PolicyName="more", PolicyDocument=document())
    assert await house.status() == 200


async def test_a_key_that_was_unknown_is_found_once_it_is_active_again(house: House) -> None:
    await house.user(document())
    assert await house.status() == 200
    await _the_key_is_deactivated(house)
    assert [await house.status() for _ in range(2)] == [403, 403]
    await house.iam("UpdateAccessKey", UserName="ci", AccessKeyId=house.keys.id, Status="Active")
    assert await house.status() == 200
