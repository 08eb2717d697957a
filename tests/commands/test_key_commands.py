"""The rotation of the sealing key: nothing is lost at any moment, and the deployment stays the same."""

import asyncio
import json
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from tests import command_line, fakes
from tests.command_line import Ended
from twinport.access import sealing
from twinport.access.sealing import SealBroken, Sealer, key_id_of
from twinport.access.sessions import Sessions
from twinport.catalog import credentials
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import schema
from twinport.catalog.ports import Connection
from twinport.catalog.regional import schema as regional_schema
from twinport.clock import ManualClock
from twinport.model.names import RegionName
from twinport.upkeep import resealing
from twinport.upkeep.resealing import KeysReport, Resealing

T = TypeVar("T")
OLD, NEW, LOST = b"o" * 32, b"n" * 32, b"l" * 32
BEFORE = Sealer({"old": OLD}, "old")
DURING = Sealer({"new": NEW, "old": OLD}, "new")
AFTER = Sealer({"new": NEW}, "new")
STRANGE = Sealer({"lost": LOST}, "lost")


def called(data: Path, *command: str, **environment: str) -> Ended:
    return command_line.called(*command, "--data", str(data), **environment)


def shown(data: Path) -> dict[str, int]:
    ended = called(data, "keys", "show", "--json")
    assert ended.code == 0, ended.stderr
    return {each["id"]: each["secrets"] for each in json.loads(ended.stdout)["keys"]}


def test_the_key_of_a_folder_is_rotated_by_commands(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert called(data, "account", "create", "first").code == 0
    noted = (data / "catalog.identity").read_text()
    [(old, count)] = shown(data).items()
    assert count == 2, "the site key and an access key"

    assert called(data, "keys", "use", "nonsense").code == 3, "there is no such key"
    added = called(data, "keys", "add").stdout.split("'")[1]
    assert called(data, "keys", "add").code == 3, "a rotation is under way"
    assert called(data, "account", "create", "second").code == 0
    assert shown(data) == {old: 3, added: 0}
    assert called(data, "keys", "drop", old).code == 3, "it seals"

    for _ in range(2):
        assert called(data, "keys", "use", added).code == 0, "a repetition changes nothing"
    assert called(data, "account", "create", "third").code == 0
    assert list(shown(data).items()) == [(added, 1), (old, 3)]
    ended = called(data, "keys", "drop", old)
    assert (ended.code, "seals 3 stored secrets" in ended.stderr) == (3, True)
    assert "sealed 3 secrets again" in called(data, "keys", "reseal").stdout
    assert shown(data) == {added: 4, old: 0}

    assert called(data, "keys", "drop", old).code == 0
    assert shown(data) == {added: 4}
    assert called(data, "account", "create", "fourth").code == 0
    assert (data / "catalog.identity").read_text() == noted
    assert stat.S_IMODE((data / sealing.KEY_FILE).stat().st_mode) == 0o600
    assert [each.name for each in data.iterdir() if each.name.startswith(".sealing")] == []


def test_keys_of_the_settings_are_not_changed_by_commands(tmp_path: Path) -> None:
    line = {"TWINPORT_SEALING_KEY": f"old:{OLD.hex()}"}
    assert called(tmp_path, "account", "create", "acme", **line).code == 0
    for command in (("add",), ("use", "old"), ("drop", "old")):
        ended = called(tmp_path, "keys", *command, **line)
        assert (ended.code, "'sealing_key'" in ended.stderr) == (2, True)
    lines = {"TWINPORT_SEALING_KEY": f"new:{NEW.hex()}\nold:{OLD.hex()}"}
    assert "sealed 2 secrets again" in called(tmp_path, "keys", "reseal", **lines).stdout
    assert called(tmp_path, "account", "list", **line).code == 2
    assert "acme" in called(tmp_path, "account", "list", TWINPORT_SEALING_KEY=f"new:{NEW.hex()}").stdout


def test_no_key_is_added_where_nothing_was_begun(tmp_path: Path) -> None:
    for command in (("add",), ("use", "x"), ("drop", "x"), ("show",), ("reseal",)):
        assert called(tmp_path / "typo", "keys", *command).code == 4
    assert not (tmp_path / "typo").exists()


class Store:
    """A catalog with access keys, sessions and a Region's token keys, and what each of their secrets is."""

    def __init__(self, folder: Path) -> None:
        self.world = ManualClock(fakes.NOW)
        self.catalog = EmbeddedCatalog(folder, self.world)
        self.secrets: dict[str, bytes] = {}

    async def fill(self, sealers: list[Sealer]) -> None:
        for number, sealer in enumerate(sealers):
            await (self._key, self._session, self._token_key)[number % 3](f"ID{number:04}", sealer)

    async def _key(self, name: str, sealer: Sealer) -> None:
        sealed = self._sealed(f"access key {name}", sealer)
        row = {"id": name, "account": fakes.ACCOUNT, "owner_id": "AIDA", "sealed_secret": sealed, "status": "Active"}
        await self._insert(lambda db: db.execute(insert(schema.access_key).values(**row, created_at=self.world.now())))

    async def _session(self, name: str, sealer: Sealer) -> None:
        now = self.world.now()
        times = {"issued_at": now, "expires_at": now + timedelta(hours=1)}
        row = {"access_key_id": name, "account": fakes.ACCOUNT, "principal_id": "AROA", "name": "x", "facts": "{}"}
        sealed = self._sealed(f"session {name}", sealer)
        await self._insert(lambda db: db.execute(insert(schema.session).values(**row, **times, sealed_secret=sealed)))

    async def _token_key(self, name: str, sealer: Sealer) -> None:
        purpose = f"token key {fakes.REGION} {name}"
        row = credentials.TokenKeyRow(name, self._sealed(purpose, sealer))
        table = regional_schema.token_key
        values = {"id": row.id, "sealed_key": row.sealed_key, "created_at": self.world.now()}
        await self.catalog.region(fakes.REGION).write(lambda db: db.execute(insert(table).values(values)))

    def _sealed(self, purpose: str, sealer: Sealer) -> str:
        self.secrets[purpose] = purpose.encode() * 2
        return sealer.seal(self.secrets[purpose], purpose)

    async def _insert(self, transaction: Callable[[Connection], object]) -> None:
        await self.catalog.partition.record(transaction)

    async def opened(self, sealer: Sealer) -> dict[str, bytes]:
        """Return every secret that the sealer opens, by its purpose."""
        found = dict[str, bytes]()
        async for region, column, batch in Resealing(self.catalog, sealer)._batches():
            place = column.purpose if region is None else f"{column.purpose} {region}"
            for each in batch:
                try:
                    found[f"{place} {each.name}"] = sealer.open(each.secret, f"{place} {each.name}")
                except SealBroken:
                    continue
        return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.catalog.close()


@given(st.lists(st.sampled_from([BEFORE, AFTER, STRANGE]), max_size=12))
def test_a_resealing_keeps_every_secret_that_opens_and_touches_no_other(sealers: list[Sealer]) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            store = Store(Path(folder))
            try:
                await store.fill(sealers)
                before = await store.opened(DURING)
                changed, broken = await Resealing(store.catalog, DURING).run()
                assert (changed, len(broken)) == (sealers.count(BEFORE), sealers.count(STRANGE))
                assert (
                    await store.opened(AFTER)
                    == before
                    == {purpose: secret for purpose, secret in store.secrets.items() if purpose not in broken}
                )
                assert len(await store.opened(STRANGE)) == len(broken)
                assert await Resealing(store.catalog, DURING).run() == (0, broken)
            finally:
                store.catalog.close()

    asyncio.run(run())


class Killed(Exception):
    pass


async def test_a_resealing_that_dies_after_any_batch_is_finished_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "_BATCH", 2)
    await store.fill([BEFORE] * 24)
    deaths = 0
    while True:
        try:
            await Mortal(store.catalog, DURING).run()
            break
        except Killed:
            deaths += 1
            assert await store.opened(DURING) == store.secrets, "every secret opens in the middle, too"
    assert deaths == 12
    assert await store.opened(AFTER) == store.secrets


class Mortal(Resealing):
    """A resealing that dies when its first batch is stored."""

    async def _write(self, region: RegionName | None, transaction: "partial[int]") -> int:
        await super()._write(region, transaction)
        raise Killed


async def test_the_deployment_keeps_its_name_through_a_rotation(store: Store) -> None:
    names = []
    for sealer in (BEFORE, DURING, AFTER):
        sessions = Sessions(store.catalog, sealer, store.world)
        await sessions.open()
        names.append(sessions.site())
        await Resealing(store.catalog, sealer).run()
    assert len(set(names)) == 1


async def test_a_secret_that_changes_or_goes_meanwhile_is_left_alone(store: Store) -> None:
    await store.fill([BEFORE] * 6)
    column = schema.access_key
    [kept, gone] = await store.catalog.partition.read(lambda db: list(db.execute(select(column.c.id)).scalars()))
    newer = AFTER.seal(b"newer", f"access key {kept}")

    async def interfere() -> None:
        await store.catalog.partition.record(
            lambda db: db.execute(update(column).where(column.c.id == kept).values(sealed_secret=newer))
        )
        await store.catalog.partition.record(lambda db: db.execute(delete(column).where(column.c.id == gone)))

    class Interleaved(Resealing):
        async def _write(self, region: RegionName | None, transaction: "partial[int]") -> int:
            await interfere()
            return await super()._write(region, transaction)

    changed, broken = await Interleaved(store.catalog, DURING).run()
    assert (changed, broken) == (4, [])
    asked = select(column.c.id, column.c.sealed_secret)
    left = await store.catalog.partition.read(lambda db: [tuple(row) for row in db.execute(asked)])
    assert left == [(kept, newer)]


def test_a_key_that_no_host_has_is_told_and_no_line_of_it_may_go() -> None:
    report = KeysReport(["new", "old"])
    report.counts.update({"new": 2, "lost": 1})
    assert not report.is_whole
    assert list(report.lines()) == [
        "new  seals and opens, seals 2 stored secrets",
        "old  opens, seals 0 stored secrets; it may go, unless it is about to be used",
        "lost  is no key of this host, and seals 1 stored secret",
    ]
    assert key_id_of(BEFORE.seal(b"x", "y")) == "old"
