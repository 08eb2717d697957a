"""The rotation of a Region's token keys: what was issued stays good for its time, and not longer."""

import asyncio
import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests import command_line, fakes
from tests.commands.test_serving import get
from tests.served import start
from twinport.access.principals import Principals
from twinport.access.sealing import Sealer
from twinport.access.tokens import TOKEN_LIFE, RegionKeys, RegistryTokens
from twinport.access.uses import Uses
from twinport.catalog import credentials
from twinport.catalog.beginnings import begin_era, era_of
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import ManualClock
from twinport.model.names import RegionName
from twinport.refusals.callers import RegistryTokenExpired, RegistryTokenInvalid
from twinport.refusals.storage import StorageUnavailable
from twinport.settings.loading import load
from twinport.settings.open_accounts import OpenAccounts
from twinport.upkeep import token_keys

SEALER = Sealer({"k": b"k" * 32}, "k")
SLACK = timedelta(minutes=6)


@dataclass
class Node:
    """One process of a deployment, with its own caches."""

    catalog: EmbeddedCatalog
    keys: RegionKeys
    tokens: RegistryTokens

    async def token(self) -> str:
        password, _ = await self.tokens.issue(fakes.caller())
        return password

    async def takes(self, password: str) -> bool:
        header = f"Basic {base64.b64encode(f'AWS:{password}'.encode()).decode()}"
        try:
            await self.tokens.open(header, fakes.caller().origin, None)
        except (RegistryTokenInvalid, RegistryTokenExpired):
            return False
        return True

    async def rotate(self) -> None:
        assert await self.keys.rotate(fakes.REGION)
        await self.catalog.partition.write(begin_era)


@pytest.fixture
def world() -> ManualClock:
    return ManualClock(fakes.NOW)


@pytest.fixture
def nodes(tmp_path: Path, world: ManualClock) -> Iterator[tuple[Node, Node]]:
    made = [node(tmp_path, world) for _ in range(2)]
    yield made[0], made[1]
    for each in made:
        each.catalog.close()


def node(folder: Path, world: ManualClock) -> Node:
    catalog = EmbeddedCatalog(folder, world)
    keys = RegionKeys(catalog, SEALER, world, {fakes.REGION})
    principals = Principals(catalog, SEALER, world, OpenAccounts.EVERYWHERE)
    return Node(catalog, keys, RegistryTokens(keys, principals, world, Uses(catalog)))


def key_of(password: str) -> str:
    return password.split(".")[1]


def token_of(ecr: Any) -> str:  # noqa: ANN401 — boto3 makes its clients at run time
    return str(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])


def password_of(token: str) -> str:
    return base64.b64decode(token).decode().partition(":")[2]


def answers(url: str, token: str) -> bool:
    """Tell whether a server takes an authorization token."""
    return get(f"{url}/v2/", Authorization=f"Basic {token}")[0] == HTTPStatus.OK


async def test_after_a_rotation_every_process_signs_with_the_new_key_and_takes_both(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    before = await one.token()
    assert await two.takes(before)
    await one.rotate()
    after = [await each.token() for each in nodes]
    assert len({key_of(before), *map(key_of, after)}) == 2
    for each in nodes:
        assert all([await each.takes(token) for token in (before, *after)])


async def test_an_old_key_is_good_as_long_as_a_token_lives_and_not_longer(
    nodes: tuple[Node, Node], world: ManualClock
) -> None:
    one, two = nodes
    before = await one.token()
    old = (await one.catalog.region(fakes.REGION).read(credentials.token_keys))[0]
    await one.rotate()
    world.advance(TOKEN_LIFE - SLACK)
    assert await two.takes(before)
    # Made by a thief of the old key, as long as that is good: it ends with the key.
    forged = await forge(one, old, world)
    assert all([await each.takes(forged) for each in nodes])
    world.advance(2 * SLACK)
    assert not any([await each.takes(token) for each in nodes for token in (before, forged)])


async def forge(node: Node, old: credentials.TokenKeyRow, world: ManualClock) -> str:
    """Return a token of now, signed with a key that was superseded."""
    newest = await node.keys._newest(fakes.REGION)
    assert newest.id != old.id
    thief = RegionKeys(node.catalog, SEALER, world, {fakes.REGION})

    async def stolen(_region: object) -> credentials.TokenKeyRow:
        return old

    thief._newest = stolen  # type: ignore[method-assign, assignment]
    principals = Principals(node.catalog, SEALER, world, OpenAccounts.EVERYWHERE)
    password, _ = await RegistryTokens(thief, principals, world, Uses(node.catalog)).issue(fakes.caller())
    return password


async def test_a_clock_that_went_back_makes_no_older_key(nodes: tuple[Node, Node], world: ManualClock) -> None:
    one, _ = nodes
    first = await one.token()
    world.advance(-timedelta(hours=1))
    await one.rotate()
    assert key_of(await one.token()) != key_of(first)


async def test_keys_that_signed_nothing_that_lives_are_deleted_at_the_next_rotation(
    nodes: tuple[Node, Node], world: ManualClock
) -> None:
    one, _ = nodes
    await one.token()
    for _ in range(5):
        await one.rotate()
        world.advance(timedelta(days=1))
    assert len(await one.catalog.region(fakes.REGION).read(credentials.token_keys)) <= 3


async def test_an_id_of_an_upload_is_good_by_the_key_before(nodes: tuple[Node, Node], world: ManualClock) -> None:
    one, two = nodes
    generation = await one.catalog.partition.generation()
    mac = await two.keys.mac(fakes.REGION, "upload", generation)
    await one.rotate()
    generation = await one.catalog.partition.generation()
    assert await two.keys.mac(fakes.REGION, "upload", generation) != mac
    for passed, is_good in ((timedelta(), True), (timedelta(hours=23), True), (timedelta(hours=2), False)):
        world.advance(passed)
        for each in nodes:
            assert await each.keys.has_mac(fakes.REGION, "upload", generation, lambda found: found == mac) is is_good


async def test_a_region_without_a_key_gets_none(nodes: tuple[Node, Node]) -> None:
    assert not await nodes[0].keys.rotate(fakes.REGION)


def test_a_rotation_that_breaks_off_begins_an_era_for_the_regions_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    assert command_line.called("account", "create", "acme", "--data", str(data)).code == 0

    async def break_off(_keys: RegionKeys, _region: RegionName) -> bool:
        raise StorageUnavailable("the disk is gone")

    monkeypatch.setattr(RegionKeys, "rotate", break_off)
    before = era(data)
    asyncio.run(write_to(data, fakes.REGION))
    with pytest.raises(StorageUnavailable):
        asyncio.run(token_keys.rotate(load(None, {}, {"data": data}), ()))
    assert era(data) > before


async def write_to(data: Path, region: RegionName) -> None:
    with closing(EmbeddedCatalog(data, ManualClock(fakes.NOW))) as catalog:
        await catalog.region(region).write(credentials.token_keys)


def era(data: Path) -> int:
    with closing(sqlite3.connect(data / "global.db")) as database:
        [(generation,)] = database.execute("SELECT value FROM generation")
    return era_of(generation)


def test_a_command_rotates_the_keys_beside_a_running_server(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    try:
        ecr = served.client("ecr", fakes.ACCOUNT)
        ecr.create_repository(repositoryName="team/api")
        before, data = token_of(ecr), ("--data", str(tmp_path / "data"))
        assert answers(served.url, before)
        assert command_line.called("keys", "rotate-tokens", "--region", "ap-south-1", *data).code == 3
        ended = command_line.called("keys", "rotate-tokens", *data)
        assert (ended.code, ended.stdout) == (0, "eu-west-1: new tokens are signed with a new key\n")
        after = token_of(ecr)
        assert key_of(password_of(before)) != key_of(password_of(after))
        assert answers(served.url, before)
        assert answers(served.url, after)
    finally:
        served.stop()
