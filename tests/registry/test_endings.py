"""Uploads that end: gone for every reader at once, and emptied in transactions of bounded size."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, func, select

from tests.counted import CountedCatalog
from tests.fakes import REGISTRY
from tests.registry.dump import API, ME, REGION, TICK, Dump, pieces_of
from tests.registry.serving import path_of
from tests.upload_ids import read_upload
from twinport.blobs.store import random_key
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import candidates, repositories, schema, uploads
from twinport.catalog.regional.uploads import UploadQuota
from twinport.model.content import Digest
from twinport.model.names import RegionName
from twinport.refusals.images import TooManyUploads, UploadNotFound
from twinport.registry.garbage import Garbage, Swept
from twinport.registry.uploads import Part, Uploads

pytestmark = pytest.mark.large

T = TypeVar("T")
# More than go at once by default, and a number that shows that it does not matter how many they are.
SOME, MANY, AT_ONCE = 500, 1000, 50
PART = b"part"
Ending = Callable[[Uploads, str], Coroutine[Any, Any, object]]


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    dump = Dump(catalog, tmp_path)
    await dump.make()
    return dump


async def begun(dump: Dump, id_: str = "u", many: int = SOME) -> str:
    """Make an upload of many parts in one moment."""
    store = dump.stores.region(REGION)
    keys = [random_key() for _ in range(many)]
    for key in keys:
        store.path(key).parent.mkdir(parents=True, exist_ok=True)
        store.path(key).write_bytes(PART)

    def insert(db: Connection) -> None:
        owner, now, size = repositories.get(db, REGISTRY.repository(API)).id, dump.world.now(), len(PART)
        row = {"id": id_, "repository_id": owner, "size": size * many, "created_at": now, "touched_at": now}
        db.execute(schema.upload.insert(), [{**row, "account": REGISTRY.account}])
        part = {"upload_id": id_, "size": size, "digest": str(Digest.of(PART))}
        rows = [{**part, "first_byte": size * number, "key": key} for number, key in enumerate(keys)]
        db.execute(schema.upload_segment.insert(), rows)

    await dump.region.write(insert)
    return id_


def segments(db: Connection) -> int:
    return db.execute(select(func.count()).select_from(schema.upload_segment)).scalar_one()


def rows_of_uploads(db: Connection) -> int:
    return segments(db) + db.execute(select(func.count()).select_from(schema.upload)).scalar_one()


async def complete(verbs: Uploads, upload: str) -> None:
    size = (await verbs.status(ME, REGISTRY.repository(API), upload)).size
    await verbs.complete(ME, REGISTRY.repository(API), upload, Digest.of(PART * (size // len(PART))), None)


async def cancel(verbs: Uploads, upload: str) -> None:
    await verbs.cancel(ME, REGISTRY.repository(API), upload)


ENDINGS = pytest.mark.parametrize("end", [complete, cancel], ids=["completed", "canceled"])


@ENDINGS
async def test_no_transaction_of_an_upload_of_many_parts_changes_more_rows_than_its_bound(
    dump: Dump, end: Ending
) -> None:
    upload = await begun(dump, many=MANY)
    counted = CountedCatalog(dump.catalog)
    await end(replace(dump.uploads, catalog=counted, rows_at_once=AT_ONCE), upload)
    await Garbage(counted, dump.stores, dump.retention, AT_ONCE).sweep(REGION)
    # Each segment that goes leaves a note for the sweep; beside them are the upload, and the blob with what holds it.
    assert max(counted.counts) <= 2 * AT_ONCE + 4
    assert len(counted.counts) >= MANY / AT_ONCE
    assert await dump.region.read(rows_of_uploads) == 0


async def test_no_transaction_of_an_expiry_changes_more_rows_than_its_bound(dump: Dump) -> None:
    for number in range(3):
        await begun(dump, f"large {number}", MANY // 3)
    for number in range(AT_ONCE * 2):
        await begun(dump, f"small {number}", 1)
    dump.world.advance(dump.retention.upload_expiry + TICK)
    counted = CountedCatalog(dump.catalog)
    swept = await Garbage(counted, dump.stores, dump.retention, AT_ONCE).sweep(REGION)
    assert swept == Swept(uploads=3 + AT_ONCE * 2)
    # As many uploads as segments are taken at once.
    assert max(counted.counts) <= 3 * AT_ONCE
    assert await dump.region.read(rows_of_uploads) == 0


@ENDINGS
async def test_an_upload_that_ended_is_gone_for_every_reader_before_its_segments_are(dump: Dump, end: Ending) -> None:
    upload = await begun(dump)
    seen = await dump.region.read(lambda db: read_upload(db, REGISTRY.repository(API), upload))
    await end(dump.uploads, upload)
    assert await dump.region.read(segments) > 0
    more = Part(pieces_of(b"more"))
    files = dump.files()
    refusals = (
        dump.uploads.status(ME, REGISTRY.repository(API), upload),
        dump.uploads.append(ME, REGISTRY.repository(API), upload, more),
        dump.uploads.cancel(ME, REGISTRY.repository(API), upload),
        dump.uploads.complete(ME, REGISTRY.repository(API), upload, Digest.of(b"else"), None),
        dump.uploads.complete_parts(ME, REGISTRY.repository(API), upload, [Digest.of(b"else")]),
        dump.region.read(lambda db: uploads.segments(db, seen, 0, 10)),
    )
    answers = await asyncio.gather(*refusals, return_exceptions=True)
    assert [type(answer) for answer in answers] == [UploadNotFound] * len(refusals)
    assert dump.files() == files, "no bytes came, and none went"
    assert list(await dump.region.read(lambda db: list(candidates.uploads(db, dump.world.now())))) == []


async def test_a_completion_that_is_sent_again_is_answered_while_segments_are_left(dump: Dump) -> None:
    upload = await begun(dump)
    for _ in range(2):
        layer = await dump.uploads.complete(ME, REGISTRY.repository(API), upload, Digest.of(PART * SOME), None)
        assert layer.digest == Digest.of(PART * SOME)
        assert path_of(await dump.layers.find(ME, REGISTRY.repository(API), layer.digest)).read_bytes() == PART * SOME
    assert await dump.region.read(segments) > 0


@ENDINGS
async def test_an_upload_that_ended_counts_for_no_quota_while_segments_are_left(dump: Dump, end: Ending) -> None:
    verbs = replace(dump.uploads, quota=UploadQuota(uploads=1, size=SOME))
    upload = await begun(dump)
    with pytest.raises(TooManyUploads):
        await verbs.start(ME, REGISTRY.repository(API))
    await end(dump.uploads, upload)
    assert await dump.region.read(segments) > 0
    assert (await verbs.start(ME, REGISTRY.repository(API))).size == 0


async def test_of_an_upload_of_many_parts_the_layer_alone_is_left(dump: Dump) -> None:
    await complete(dump.uploads, await begun(dump))
    assert await dump.sweep() == Swept()
    assert await dump.region.read(segments) == 0
    assert len(dump.files()) == SOME + 1, "a file goes after its readers"
    assert await dump.sweep(dump.retention.reader_grace + TICK) == Swept(keys=SOME)
    assert await dump.stored() == {PART * SOME}


async def test_what_an_ended_upload_left_goes_with_its_repository(dump: Dump) -> None:
    await cancel(dump.uploads, await begun(dump))
    await dump.drop()
    await dump.settle()
    assert await dump.region.read(rows_of_uploads) == 0
    assert dump.files() == set()


async def test_two_sweepers_empty_uploads_together(dump: Dump) -> None:
    for number in range(5):
        await cancel(replace(dump.uploads, rows_at_once=1), await begun(dump, f"u{number}", 50))
    small = replace(dump.garbage, rows_at_once=3)
    await asyncio.gather(small.sweep(REGION), small.sweep(REGION))
    await dump.settle()
    assert await dump.region.read(rows_of_uploads) == 0
    assert dump.files() == set()


class Noting:
    """A catalog of one Region that notes how many rows of a list each read returned."""

    def __init__(self, dump: Dump) -> None:
        self._region, self.lengths, self.now = dump.region, list[int](), dump.catalog.now

    def region(self, _name: RegionName) -> "Noting":
        return self

    async def read(self, query: Callable[[Connection], T]) -> T:
        result = await self._region.read(query)
        if isinstance(result, list):
            self.lengths.append(len(result))
        return result

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        return await self._region.write(transaction)


async def test_a_completion_reads_the_segments_of_an_upload_in_pages(dump: Dump) -> None:
    upload = await begun(dump)
    noting: Any = Noting(dump)
    await complete(replace(dump.uploads, catalog=noting, rows_at_once=AT_ONCE), upload)
    assert noting.lengths == [AT_ONCE] * (SOME // AT_ONCE)


async def test_a_page_ends_where_the_upload_ended_when_it_was_read(dump: Dump) -> None:
    upload = await dump.begin(b"one")
    seen = await dump.region.read(lambda db: read_upload(db, REGISTRY.repository(API), upload))
    await dump.uploads.append(ME, REGISTRY.repository(API), upload, Part(pieces_of(b"two")))
    [only] = await dump.region.read(lambda db: uploads.segments(db, seen, 0, 10))
    assert only == seen.last
    assert only is not None
    assert only.digest == Digest.of(b"one")


async def test_an_upload_that_ends_while_its_segments_are_read_completes_nothing(dump: Dump) -> None:
    upload = await begun(dump)
    verbs = replace(dump.uploads, rows_at_once=AT_ONCE)

    class Ending(Noting):
        async def read(self, query: Callable[[Connection], T]) -> T:
            result = await super().read(query)
            if len(self.lengths) == 1 and isinstance(result, list):
                await cancel(verbs, upload)
            return result

    ending: Any = Ending(dump)
    with pytest.raises(UploadNotFound):
        await complete(replace(verbs, catalog=ending), upload)
    assert len(dump.files()) == SOME, "what was joined so far is removed"
    await dump.settle()
    assert dump.files() == set()
