"""Authorization tokens and sessions: every trick that must not work, and the ways that must."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from tests import fakes
from twinport.access.lane_sessions import LaneSessions
from twinport.access.principals import Principals
from twinport.access.sealing import Sealer
from twinport.access.session_callers import RoleFacts
from twinport.access.sessions import Credentials, Sessions
from twinport.access.tokens import RegionKeys, RegistryTokens
from twinport.access.uses import Uses
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import schema
from twinport.clock import ManualClock
from twinport.model.identities import Caller, Session
from twinport.model.names import AccountId, RegionName, Registry
from twinport.model.regions import DEFAULT_REGIONS
from twinport.refusals.callers import (
    CredentialsUnknown,
    RegistryTokenExpired,
    RegistryTokenInvalid,
    RegistryTokenMissing,
    SessionExpired,
)
from twinport.settings.open_accounts import OpenAccounts

ROLE = RoleFacts(fakes.ACCOUNT, "AROABUILDERBUILDERXX", "builder", "/ci/")


@dataclass
class House:
    """A partition with one role, and what opens tokens in it."""

    catalog: EmbeddedCatalog
    world: ManualClock
    sessions: Sessions
    principals: Principals
    tokens: RegistryTokens
    keys: RegionKeys

    async def assume(self, life: timedelta = timedelta(hours=1)) -> Credentials:
        now = self.world.now()
        return await self.sessions.issue(ROLE.holder, Session("build", now, now + life, policies=('{"a":1}',)))

    async def header(self, caller: Caller) -> str:
        password, _ = await self.tokens.issue(caller)
        return basic(password)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    world = ManualClock()
    catalog = EmbeddedCatalog(tmp_path, world)
    sealer = Sealer({"k1": b"1" * 32}, "k1")
    principals = Principals(catalog, sealer, world, OpenAccounts.EVERYWHERE)
    keys = RegionKeys(catalog, sealer, world, DEFAULT_REGIONS)
    yield House(
        catalog,
        world,
        Sessions(catalog, sealer, world),
        principals,
        RegistryTokens(keys, principals, world, Uses(catalog)),
        keys,
    )
    catalog.close()


@pytest.fixture(autouse=True)
async def _a_role(house: House) -> None:
    values = {
        "unique_id": ROLE.unique_id,
        "account": ROLE.account,
        "name": ROLE.name,
        "name_key": ROLE.name,
        "path": ROLE.path,
        "trust": "{}",
        "max_session_seconds": 3600,
        "created_at": house.world.now(),
    }
    await house.catalog.partition.write(lambda db: db.execute(insert(schema.role).values(values)))


def basic(password: str, user: str = "AWS") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def test_a_token_opens_to_its_caller_in_its_region(house: House) -> None:
    caller = fakes.caller(region="us-east-1")
    opened = await house.tokens.open(await house.header(caller), fakes.caller().origin, None)
    assert opened.arn == caller.arn
    assert opened.origin.region == "us-east-1"


async def test_a_token_ends_after_twelve_hours(house: House) -> None:
    header = await house.header(fakes.caller())
    house.world.advance(timedelta(hours=12) - timedelta(seconds=1))
    await house.tokens.open(header, fakes.caller().origin, None)
    house.world.advance(timedelta(seconds=2))
    with pytest.raises(RegistryTokenExpired):
        await house.tokens.open(header, fakes.caller().origin, None)


async def test_a_token_ends_with_the_session_that_asked_for_it(house: House) -> None:
    credentials = await house.assume(timedelta(minutes=15))
    caller, _ = await house.principals.find(credentials.access_key_id, fakes.caller().origin)
    _, expires_at = await house.tokens.issue(caller)
    assert expires_at == credentials.expires_at.replace(microsecond=0)


async def test_a_host_addressed_registry_refuses_a_token_of_another_region(house: House) -> None:
    header = await house.header(fakes.caller(region="us-east-1"))
    with pytest.raises(RegistryTokenInvalid):
        await house.tokens.open(header, fakes.caller().origin, RegionName("eu-west-1"))


@pytest.mark.parametrize("header", [None, ""])
async def test_no_credentials_is_not_the_same_as_bad_ones(house: House, header: str | None) -> None:
    with pytest.raises(RegistryTokenMissing):
        await house.tokens.open(header, fakes.caller().origin, None)


async def test_forged_tokens_are_refused(house: House) -> None:
    password, _ = await house.tokens.issue(fakes.caller())
    payload, _, signature = password.partition(".")
    claims = json.loads(base64.urlsafe_b64decode(payload))
    other = base64.urlsafe_b64encode(json.dumps({**claims, "k": fakes.OTHER_ACCOUNT}).encode()).decode()
    elsewhere = base64.urlsafe_b64encode(json.dumps({**claims, "r": "us-east-1"}).encode()).decode()
    forged = [
        basic(password, user="aws"),
        basic(f"{other}.{signature}"),
        basic(f"{elsewhere}.{signature}"),
        basic(f"{payload}.{signature[:-1]}0" if signature[-1] != "0" else f"{payload}.{signature[:-1]}1"),
        basic(payload),
        basic(""),
        basic("." * 50),
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        f"Bearer {password}",
    ]
    for header in forged:
        with pytest.raises(RegistryTokenInvalid):
            await house.tokens.open(header, fakes.caller().origin, None)


async def test_a_token_dies_with_the_role_behind_it(house: House) -> None:
    credentials = await house.assume()
    caller, _ = await house.principals.find(credentials.access_key_id, fakes.caller().origin)
    header = await house.header(caller)
    await house.tokens.open(header, fakes.caller().origin, None)
    await house.catalog.partition.write(lambda db: db.execute(schema.role.delete()))
    with pytest.raises(RegistryTokenInvalid):
        await house.tokens.open(header, fakes.caller().origin, None)


async def test_a_deactivated_key_opens_nothing(house: House) -> None:
    row = {"id": "AKIAEXAMPLE", "account": fakes.ACCOUNT, "owner_id": fakes.ACCOUNT, "status": "Active"}
    sealed = Sealer({"k1": b"1" * 32}, "k1").seal(b"secret", "access key AKIAEXAMPLE")
    values = {**row, "sealed_secret": sealed, "created_at": house.world.now()}
    await house.catalog.partition.write(lambda db: db.execute(insert(schema.access_key).values(values)))
    caller, secret = await house.principals.find("AKIAEXAMPLE", fakes.caller().origin)
    assert (caller.arn, secret) == (fakes.caller().arn, "secret")
    header = await house.header(caller)
    await house.catalog.partition.write(lambda db: db.execute(update(schema.access_key).values(status="Inactive")))
    with pytest.raises(RegistryTokenInvalid):
        await house.tokens.open(header, fakes.caller().origin, None)


async def test_a_session_opens_with_what_it_was_issued_with(house: House) -> None:
    credentials = await house.assume()
    await house.sessions.check_token(credentials.token, credentials.access_key_id)
    caller, secret = await house.principals.find(credentials.access_key_id, fakes.caller().origin)
    assert secret == credentials.secret
    assert caller.arn == f"arn:aws:sts::{fakes.ACCOUNT}:assumed-role/builder/build"
    assert caller.user_id == f"{ROLE.unique_id}:build"
    assert caller.principal_arn == f"arn:aws:iam::{fakes.ACCOUNT}:role/ci/builder"
    assert caller.session is not None
    assert caller.session.policies == ('{"a":1}',)


async def test_a_session_token_is_of_no_use_with_another_key_or_altered(house: House) -> None:
    first, second = await house.assume(), await house.assume()
    for token in (second.token, first.token[:-4] + "AAA=", "", "a.b", "é.é"):
        with pytest.raises(CredentialsUnknown):
            await house.sessions.check_token(token, first.access_key_id)


async def test_a_session_ends(house: House) -> None:
    credentials = await house.assume(timedelta(minutes=15))
    house.world.advance(timedelta(minutes=15))
    with pytest.raises(SessionExpired):
        await house.principals.find(credentials.access_key_id, fakes.caller().origin)


async def test_open_accounts_exist_only_where_they_are_open(house: House) -> None:
    caller, secret = await house.principals.find("test", fakes.caller().origin)
    assert (caller.account, secret) == ("000000000000", "test")
    closed = replace(house.principals, open_accounts=OpenAccounts.CLOSED)
    for key_id in ("test", fakes.ACCOUNT, ""):
        with pytest.raises(CredentialsUnknown):
            await closed.find(key_id, fakes.caller().origin)


async def test_the_services_session_is_bound_to_one_source_and_one_destination(house: House) -> None:
    source, destination = fakes.REGISTRY, Registry(AccountId("444455556666"), RegionName("us-east-1"))
    lanes = LaneSessions(house.sessions, house.world)
    session = await lanes.open("AROASERVICE", source, destination)
    caller = await lanes.caller(session.authorize(b"a part"), b"a part", fakes.caller().origin)
    assert caller.session is not None
    assert caller.session.binding == (source, destination)
    assert caller.session.expires_at - caller.session.issued_at == timedelta(minutes=15)
    assert (caller.arn, caller.session.expires_at) == (session.arn, session.expires_at)
    assert "/aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication" in caller.principal_arn


async def test_the_token_of_a_services_session_opens_no_door(house: House) -> None:
    """It is signed by the same key as the tokens of STS."""
    session = await LaneSessions(house.sessions, house.world).open("AROASERVICE", fakes.REGISTRY, fakes.REGISTRY)
    for key_id in ("", "AROASERVICE", "None"):
        with pytest.raises(CredentialsUnknown):
            await house.sessions.check_token(session.authorize(b"").token, key_id)


async def test_a_process_verifies_more_sessions_than_it_remembers(house: House) -> None:
    lanes = LaneSessions(house.sessions, house.world)
    sessions = [await lanes.open("AROASERVICE", fakes.REGISTRY, fakes.REGISTRY) for _ in range(300)]
    for session in (*sessions, *sessions):
        caller = await lanes.caller(session.authorize(b"a part"), b"a part", fakes.caller().origin)
        assert caller.arn == session.arn


async def test_a_region_verifies_its_own_signatures_and_no_others(house: House) -> None:
    here, there = RegionName("eu-west-1"), RegionName("us-east-1")
    signature = await house.keys.sign(here, "text")
    assert await house.keys.verifies(here, "text", signature)
    assert not await house.keys.verifies(here, "other text", signature)
    assert not await house.keys.verifies(there, "text", signature)
    assert not await house.keys.verifies(here, "text", "")


async def test_a_token_is_taken_while_another_request_sees_a_newer_generation(house: House) -> None:
    header = await house.header(fakes.caller())
    here = RegionName(fakes.caller().origin.region)
    signature = await house.keys.sign(here, "text")
    now = await house.catalog.partition.generation()
    assert await house.keys.verifies(here, "text", signature, now + 1)
    assert await house.keys.verifies(here, "text", signature, now)
    assert (await house.tokens.open(header, fakes.caller().origin, None)).arn == fakes.caller().arn
