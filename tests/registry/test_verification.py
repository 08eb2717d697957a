"""Damaged bytes are found, never served, and healed by any push of them."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import REGISTRY
from tests.registry.dump import API, ME, OTHER, REGION, TICK, Dump, pieces_of
from tests.registry.serving import path_of
from twinport.blobs.throughput_limit import UNHURRIED
from twinport.catalog.engine import leases
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional.verification import Change, Scope
from twinport.metrics import names
from twinport.model.content import Damage, Digest
from twinport.model.names import AccountId
from twinport.refusals.images import LayerExists, LayerInaccessible, LayersMissing
from twinport.refusals.storage import StorageUnavailable
from twinport.registry.uploads import Part
from twinport.registry.verification import Finding

CONFIG, LAYER = b"config", b"a layer"
MONTH = timedelta(days=30)


def quarantined() -> float:
    """Return how many layers this process has put into quarantine."""
    [(_, [count])] = names.QUARANTINED.numbers()
    return count


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    dump = Dump(catalog, tmp_path)
    await dump.make()
    await dump.push(CONFIG, LAYER)
    return dump


def flip(path: Path) -> None:
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


async def look(dump: Dump, scope: Scope | None = None) -> list[Finding]:
    return [each async for each in dump.verification.verify_all(REGION, scope or Scope(), UNHURRIED)]


async def damaged(dump: Dump) -> dict[Digest, Damage]:
    return {each.blob.digest: each.damage for each in await look(dump) if each.damage is not None}


async def test_whole_blobs_are_found_whole(dump: Dump) -> None:
    found = await look(dump)
    assert {each.blob.digest for each in found} == {Digest.of(CONFIG), Digest.of(LAYER)}
    assert {(each.damage, each.change) for each in found} == {(None, Change.NONE)}


@pytest.mark.parametrize(
    ("harm", "damage"),
    [(flip, Damage.WRONG_DIGEST), (cut, Damage.WRONG_SIZE), (Path.unlink, Damage.MISSING)],
    ids=["flipped", "cut", "gone"],
)
async def test_damage_is_found_and_said_and_the_blob_is_not_there_for_who_would_push_it(
    dump: Dump, harm: Callable[[Path], None], damage: Damage, capfd: pytest.CaptureFixture[str]
) -> None:
    harm(dump.file_of(LAYER))
    assert await damaged(dump) == {Digest.of(LAYER): damage}
    assert not await dump.has(Digest.of(LAYER))
    assert await dump.has(Digest.of(CONFIG))
    with pytest.raises(LayerInaccessible):
        await dump.layers.find(ME, REGISTRY.repository(API), Digest.of(LAYER))
    events = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    [said] = [event for event in events if event["event"] == "blob.quarantined"]
    assert (said["level"], said["digest"], said["reason"]) == ("error", str(Digest.of(LAYER)), damage.value)
    assert said["repositories"] == f"{REGISTRY.account}/{API}"


async def test_a_blob_in_quarantine_can_neither_be_mounted_nor_named_by_a_new_image(dump: Dump) -> None:
    flip(dump.file_of(LAYER))
    await look(dump)
    assert not await dump.mount(Digest.of(LAYER))
    with pytest.raises(LayersMissing):
        await dump.put(LAYER, tag="another")


async def test_pushing_the_bytes_again_anywhere_heals_every_image_that_names_them(dump: Dump) -> None:
    flip(dump.file_of(LAYER))
    await look(dump)
    await dump.upload(LAYER, OTHER)
    assert await dump.has(Digest.of(LAYER), API)
    found = await dump.layers.find(ME, REGISTRY.repository(API), Digest.of(LAYER))
    assert path_of(found).read_bytes() == LAYER
    assert await damaged(dump) == {}
    await dump.settle()
    assert await dump.stored() == {CONFIG, LAYER}, "the damaged bytes are swept"


async def test_a_blob_whose_bytes_are_whole_again_is_released(dump: Dump) -> None:
    file = dump.file_of(LAYER)
    file.rename(file.with_suffix(".away"))
    assert await damaged(dump) == {Digest.of(LAYER): Damage.MISSING}
    file.with_suffix(".away").rename(file)
    assert Change.RELEASED in {each.change for each in await look(dump)}
    assert await dump.has(Digest.of(LAYER))


async def test_a_disk_that_is_away_damages_nothing(dump: Dump) -> None:
    (dump.folder / "regions" / REGION / "blobs").rename(dump.folder / "away")
    with pytest.raises(StorageUnavailable):
        await look(dump)
    with pytest.raises(LayerInaccessible):
        await dump.layers.find(ME, REGISTRY.repository(API), Digest.of(LAYER))
    assert await dump.has(Digest.of(LAYER)), "it will be back"
    (dump.folder / "away").rename(dump.folder / "regions" / REGION / "blobs")
    assert await dump.has(Digest.of(LAYER))


@pytest.mark.parametrize("harm", [cut, Path.unlink], ids=["cut", "gone"])
async def test_a_push_heals_a_file_that_is_gone_or_cut_short_before_verification_notices(
    dump: Dump, harm: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    harm(dump.file_of(LAYER))
    await dump.upload(LAYER, OTHER)
    found = await dump.layers.find(ME, REGISTRY.repository(API), Digest.of(LAYER))
    assert path_of(found).read_bytes() == LAYER
    [said] = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "blob.healed" in line]
    assert (said["level"], said["digest"], said["key"]) == ("info", str(Digest.of(LAYER)), path_of(found).name)
    await dump.settle()
    assert await dump.stored() == {CONFIG, LAYER}, "what was left of the old file is swept"


@pytest.mark.parametrize("first", [LAYER, LAYER[:3]], ids=["one part", "two parts"])
async def test_an_upload_by_parts_heals_what_is_gone(dump: Dump, first: bytes) -> None:
    dump.file_of(LAYER).unlink()
    rest = LAYER[len(first) :]
    last = Part(pieces_of(rest)) if rest else None
    await dump.uploads.complete(ME, REGISTRY.repository(API), await dump.begin(first), Digest.of(LAYER), last)
    assert path_of(await dump.layers.find(ME, REGISTRY.repository(API), Digest.of(LAYER))).read_bytes() == LAYER


async def test_ecrs_own_upload_heals_a_layer_whose_file_is_gone_and_refuses_one_that_is_there(dump: Dump) -> None:
    dump.file_of(LAYER).unlink()
    await dump.uploads.complete_parts(ME, REGISTRY.repository(API), await dump.begin(LAYER), [Digest.of(LAYER)])
    assert await dump.has(Digest.of(LAYER))
    with pytest.raises(LayerExists):
        await dump.uploads.complete_parts(ME, REGISTRY.repository(API), await dump.begin(LAYER), [Digest.of(LAYER)])


async def test_whole_bytes_stay_where_they_are_when_they_are_pushed_again(
    dump: Dump, capfd: pytest.CaptureFixture[str]
) -> None:
    file = dump.file_of(LAYER)
    await dump.upload(LAYER, OTHER)
    assert path_of(await dump.layers.find(ME, REGISTRY.repository(OTHER), Digest.of(LAYER))) == file
    assert "blob.healed" not in capfd.readouterr().err


async def test_who_asks_for_a_layer_whose_file_is_gone_or_cut_short_hears_that_it_is_not_there(
    dump: Dump, capfd: pytest.CaptureFixture[str]
) -> None:
    cut(dump.file_of(LAYER))
    dump.file_of(CONFIG).unlink()
    assert not await dump.has(Digest.of(LAYER))
    assert not await dump.has(Digest.of(CONFIG))
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    damaged = {event["digest"] for event in said if (event["event"], event["level"]) == ("blob.damaged", "error")}
    assert damaged == {str(Digest.of(LAYER)), str(Digest.of(CONFIG))}
    await dump.push(CONFIG, LAYER)
    assert await dump.has(Digest.of(LAYER))


async def test_who_pulls_what_is_gone_puts_it_into_quarantine(dump: Dump) -> None:
    dump.file_of(LAYER).unlink()
    with pytest.raises(LayerInaccessible):
        await dump.layers.find(ME, REGISTRY.repository(API), Digest.of(LAYER))
    assert not await dump.has(Digest.of(LAYER))
    await dump.push(LAYER, tag="again")
    assert await dump.has(Digest.of(LAYER))


async def test_every_way_into_quarantine_counts_a_layer_once(dump: Dump) -> None:
    before = quarantined()
    dump.file_of(LAYER).unlink()
    for _ in range(2):
        with pytest.raises(LayerInaccessible):
            await dump.layers.find(ME, REGISTRY.repository(API), Digest.of(LAYER))
    assert quarantined() - before == 1
    flip(dump.file_of(CONFIG))
    for _ in range(2):
        await look(dump)
    assert quarantined() - before == 2


async def test_only_what_is_meant_is_looked_at(dump: Dump) -> None:
    await dump.upload(b"elsewhere", OTHER)
    mine = Scope(REGISTRY.account, OTHER)
    assert [each.blob.digest for each in await look(dump, mine)] == [Digest.of(b"elsewhere")]
    assert await look(dump, Scope(AccountId("999988887777"))) == []


async def test_what_was_not_looked_at_for_a_round_is_looked_at_once(dump: Dump) -> None:
    assert await dump.verification.verify_due(REGION, MONTH) == 0
    dump.world.advance(MONTH + TICK)
    await dump.upload(b"new")
    flip(dump.file_of(LAYER))
    assert await dump.verification.verify_due(REGION, MONTH) == 2
    assert await dump.verification.verify_due(REGION, MONTH) == 0
    assert not await dump.has(Digest.of(LAYER))


async def test_two_processes_do_not_share_a_round(dump: Dump) -> None:
    dump.world.advance(MONTH + TICK)
    now = dump.world.now()
    await dump.region.write(lambda db: leases.take(db, "verification", "bob", now, lease=MONTH * 1000))
    assert await dump.verification.verify_due(REGION, MONTH) == 0


async def test_garbage_in_quarantine_goes_like_any_other(dump: Dump) -> None:
    flip(dump.file_of(LAYER))
    await look(dump)
    await dump.drop()
    await dump.settle()
    assert dump.files() == set()
