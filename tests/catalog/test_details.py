"""What hangs on what in an account, on either engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, emptied
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT
from twinport.catalog.partition import accounts, credential_reports, details
from twinport.catalog.partition import instance_profiles as stored_profiles
from twinport.catalog.partition import managed_policies as stored_policies
from twinport.catalog.partition.credential_reports import StoredReport
from twinport.catalog.partition.managed_policies import NewPolicy
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.clock import ManualClock
from twinport.errors import LimitReached
from twinport.identities.rules import (
    aliases,
    groups,
    instance_profiles,
    managed_policies,
    principal_policies,
    roles,
    users,
)
from twinport.model.details import DetailKind
from twinport.model.entities import Group, InstanceProfile, ManagedPolicy, Page, Role, Tag, User
from twinport.model.names import AccountId
from twinport.refusals.identities import AliasTaken, StillReferenced

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OWN = f"arn:aws:iam::{ACCOUNT}:policy/mine"
ANN = User("AIDA1", ACCOUNT, "ann", "/", NOW, (Tag("team", "blue"),), OWN)
STAFF = Group("AGPA1", ACCOUNT, "Staff", "/", NOW)
BUILD = Role("AROA1", ACCOUNT, "build", "/", '{"Version":"2012-10-17","Statement":[]}', NOW)
MACHINES = InstanceProfile("AIPA1", ACCOUNT, "machines", "/", NOW)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock())
    await catalog.partition.write(fill)
    yield catalog
    catalog.close()


def fill(db: Connection) -> None:
    policy = ManagedPolicy(OWN, "ANPA1", "mine", "/", "v1", NOW, NOW)
    managed_policies.add(db, NewPolicy(ACCOUNT, policy, "{}"))
    users.add(db, ANN)
    groups.add(db, STAFF)
    groups.add_member(db, STAFF, ANN)
    roles.add(db, BUILD)
    instance_profiles.add(db, MACHINES)
    instance_profiles.put_role(db, MACHINES, BUILD)
    principal_policies.attach(db, STAFF, READ_ONLY, NOW)
    principal_policies.attach(db, BUILD, OWN, NOW)
    principal_policies.put_inline(db, BUILD, "inline", "{}", most=100)


async def test_every_kind_is_listed_and_no_other_accounts(catalog: WholeCatalog) -> None:
    async def names(account: AccountId) -> list[list[str]]:
        return await catalog.partition.read(lambda db: [details.names(db, account, kind) for kind in DetailKind])

    assert await names(ACCOUNT) == [["ann"], ["Staff"], ["build"], [OWN], [READ_ONLY]]
    assert await names(OTHER_ACCOUNT) == [[], [], [], [], []]


async def test_a_role_is_read_with_its_profiles_and_policies(catalog: WholeCatalog) -> None:
    found = await catalog.partition.read(lambda db: details.role(db, ACCOUNT, "build"))
    assert found is not None
    assert (found.policies.inline, found.policies.attached) == ((("inline", "{}"),), (OWN,))
    assert [profile.role for profile in found.instance_profiles] == [BUILD]


async def test_a_user_is_read_with_its_groups_and_a_policy_with_its_entities(catalog: WholeCatalog) -> None:
    user = await catalog.partition.read(lambda db: details.user(db, ACCOUNT, "ann"))
    assert user is not None
    assert (user.user, user.groups) == (ANN, ("Staff",))
    policy = await catalog.partition.read(lambda db: details.own_policy(db, OWN))
    assert policy is not None
    assert (policy.policy.attachments, policy.policy.boundaries, len(policy.versions)) == (1, 1, 1)
    (listed,) = await catalog.partition.read(lambda db: stored_policies.listed(db, ACCOUNT, "/", Page()))
    assert listed == policy.policy


async def test_a_profile_holds_one_role_and_keeps_it(catalog: WholeCatalog) -> None:
    def put_again(db: Connection) -> None:
        instance_profiles.put_role(db, instance_profiles.get(db, ACCOUNT, "machines"), BUILD)

    with pytest.raises(LimitReached):
        await catalog.partition.write(put_again)
    with pytest.raises(StillReferenced, match="instance profile"):
        await catalog.partition.write(lambda db: roles.delete(db, BUILD))
    (listed,) = await catalog.partition.read(lambda db: stored_profiles.listed(db, ACCOUNT, "/", Page()))
    assert listed.role == BUILD


async def test_an_alias_belongs_to_one_account(catalog: WholeCatalog) -> None:
    await catalog.partition.write(lambda db: aliases.put(db, ACCOUNT, "acme"))
    with pytest.raises(AliasTaken):
        await catalog.partition.write(lambda db: aliases.put(db, OTHER_ACCOUNT, "acme"))
    assert await catalog.partition.read(lambda db: accounts.of_alias(db, "acme")) == ACCOUNT


async def test_an_account_is_counted(catalog: WholeCatalog) -> None:
    held = await catalog.partition.read(lambda db: accounts.holdings(db, ACCOUNT))
    assert (held.users, held.groups, held.roles, held.policies, held.policy_versions) == (1, 1, 1, 1, 1)
    assert (held.instance_profiles, held.providers, held.root_keys) == (1, 0, 0)


async def test_the_last_credential_report_replaces_the_one_before(catalog: WholeCatalog) -> None:
    first, second = StoredReport("first", NOW), StoredReport("second", NOW)
    await catalog.partition.record(lambda db: credential_reports.put(db, ACCOUNT, first))
    await catalog.partition.record(lambda db: credential_reports.put(db, ACCOUNT, second))
    assert await catalog.partition.read(lambda db: credential_reports.find(db, ACCOUNT)) == second
