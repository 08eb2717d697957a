"""Hosts whose clocks are an hour apart share a database: its clock decides what they compare."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests.fakes import ACCOUNT, REGION, AllowAll, caller
from tests.postgres import KeptDatabases
from twinport.access.principals import Principals
from twinport.access.sealing import Sealer
from twinport.access.sign_in_throttle import SignInThrottle
from twinport.access.signing_in import SigningIn
from twinport.access.uses import Uses
from twinport.catalog import credentials
from twinport.catalog.partition import entities as rows
from twinport.catalog.partition import schema
from twinport.catalog.ports import Connection, Database
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import registries
from twinport.clock import WallClock, WorldClock
from twinport.identities.deletion import DeletionRunner, Deletions
from twinport.identities.entities import Entities
from twinport.identities.login_profiles import LoginProfiles
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.model.deletions import TaskStatus
from twinport.model.entities import User
from twinport.model.identities import REPLICATION_ROLE, REPLICATION_SERVICE
from twinport.model.names import Registry
from twinport.model.replication import ReplicationConfiguration
from twinport.refusals.callers import SignedOut
from twinport.refusals.storage import StorageUnavailable
from twinport.settings.open_accounts import OpenAccounts

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
FIRST, SECOND = "Correct horse, 4 battery staple", "Another horse, 5 battery staple"


@dataclass(frozen=True)
class WrongClock:
    """The clock of a host, so much ahead of the database's."""

    ahead: timedelta

    def now(self) -> datetime:
        return WallClock().now() + self.ahead

    def at(self, wall: datetime) -> datetime:
        return wall


class Host:
    """What one host does with the database that all share."""

    def __init__(self, address: str, ahead: timedelta) -> None:
        self.world = WorldClock(WrongClock(ahead))
        self.catalog = catalog = PostgresCatalog(address, self.world)
        sealer, uses, submitted = Sealer({"k": bytes(32)}, "k"), Uses(catalog), asyncio.Event()
        principals = Principals(catalog, sealer, self.world, OpenAccounts.CLOSED)
        self.signing_in = SigningIn(catalog, principals, SignInThrottle(catalog), uses)
        self.profiles = LoginProfiles(catalog, Entities(catalog, AllowAll()))
        self.roles = ServiceLinkedRoles(catalog, AllowAll(), self.world)
        self.deletions = Deletions(catalog, AllowAll(), submitted.set)
        self.runner = DeletionRunner(catalog, submitted, f"host {ahead}")

    async def sign_in(self, password: str) -> str:
        return await self.signing_in.by_password(ACCOUNT, "ann", password, caller().origin)

    async def require_signed_in(self, token: str) -> None:
        await self.signing_in.open(token, caller().origin)


class Silent:
    """A Region's database that does not answer."""

    async def write(self, transaction: Callable[[Connection], object]) -> object:
        del transaction
        raise StorageUnavailable("away")


@pytest.fixture
def hosts(postgres_kept: KeptDatabases) -> Iterator[tuple[Host, Host, Host]]:
    """Hosts that are an hour behind, right, and an hour ahead."""
    postgres_kept.empty(WallClock().now())
    behind, right, ahead = (Host(postgres_kept.address, hours * HOUR) for hours in (-1, 0, 1))
    yield behind, right, ahead
    for each in (behind, right, ahead):
        each.catalog.close()


async def test_no_host_gives_up_a_deletion_because_its_clock_is_ahead(
    hosts: tuple[Host, Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    behind, _, ahead = hosts
    no_rules = ReplicationConfiguration()
    await behind.roles.store_under(
        caller(),
        Registry(ACCOUNT, REGION),
        REPLICATION_SERVICE,
        lambda db, role_id: registries.set_replication(db, ACCOUNT, no_rules, role_id),
    )
    task = await behind.deletions.submit(caller(), REPLICATION_ROLE)
    with monkeypatch.context() as patched:
        patched.setattr(ahead.catalog, "region", silent)
        await ahead.runner.run_due()
    assert (await behind.deletions.status(caller(), task.id)).status is TaskStatus.IN_PROGRESS
    await ahead.runner.run_due()
    assert (await behind.deletions.status(caller(), task.id)).status is TaskStatus.SUCCEEDED


def silent(_name: str) -> Database:
    return Silent()  # type: ignore[return-value]  # nothing reads


async def test_a_new_password_ends_the_sessions_of_every_host(hosts: tuple[Host, Host, Host]) -> None:
    behind, _, ahead = hosts
    await behind.catalog.partition.write(add_ann)
    await ahead.profiles.create(caller(), "ann", FIRST)
    sessions = [await each.sign_in(FIRST) for each in hosts]
    for session in sessions:
        for each in hosts:
            await each.require_signed_in(session)
    await behind.profiles.update(caller(), "ann", SECOND)
    for session in sessions:
        for each in hosts:
            with pytest.raises(SignedOut):
                await each.require_signed_in(session)
    for each in hosts:
        await each.require_signed_in(await behind.sign_in(SECOND))


def add_ann(db: Connection) -> None:
    rows.insert_user(db, User("AIDAANN", caller().account, "ann", "/", WallClock().now(), ()))


async def test_no_host_removes_a_session_that_another_host_still_takes(hosts: tuple[Host, Host, Host]) -> None:
    for each in hosts:
        now = each.world.now()
        row = session(f"ASIA{now.timestamp()}", now, now + 15 * MINUTE)
        await each.catalog.partition.record(
            lambda db, row=row, each=each: credentials.add_session(db, row, each.catalog.now(db))  # type: ignore[misc]
        )
    counted = select(func.count()).select_from(schema.session)
    assert await hosts[0].catalog.partition.read(lambda db: db.execute(counted).scalar_one()) == len(hosts)


def session(key: str, begun: datetime, ends: datetime) -> dict[str, object]:
    names = {"access_key_id": key, "account": ACCOUNT, "principal_id": "AROA", "name": "s"}
    return {**names, "sealed_secret": "", "issued_at": begun, "expires_at": ends, "facts": "{}"}
