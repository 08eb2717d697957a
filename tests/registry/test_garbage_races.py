"""Pushes, uploads and mounts of a layer while several sweepers look whether it may go: what was promised stays."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Connection, select

from tests.fakes import NOW
from tests.registry.dump import API, OTHER, REGION, Dump
from tests.waiting import PATIENCE_SECONDS
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import schema
from twinport.clock import ManualClock
from twinport.errors import Refusal
from twinport.model.content import Digest
from twinport.refusals.images import LayersMissing
from twinport.settings.retention import Retention

pytestmark = pytest.mark.large

ROUNDS = settings().max_examples // 8
# Everything may go at once: whatever a delay would hide shows.
NOTHING = Retention(garbage_delay=timedelta(), upload_expiry=timedelta(), reader_grace=timedelta())


@pytest.fixture
async def dump(postgres_address: str, tmp_path: Path) -> AsyncIterator[Dump]:
    catalog = PostgresCatalog(postgres_address, ManualClock(NOW))
    dump = Dump(catalog, tmp_path, ManualClock(NOW), NOTHING)
    await dump.make()
    yield dump
    catalog.close()


async def together(*work: Awaitable[object]) -> list[object]:
    """Do everything at once. Refusals are results; an unresolved deadlock is a failure."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        results = await asyncio.gather(*work, return_exceptions=True)
    for each in results:
        if isinstance(each, BaseException) and not isinstance(each, Refusal):
            raise each
    return list(results)


def dangling(db: Connection) -> list[tuple[object, ...]]:
    """Return what names something that is not there: images without their layers, holdings without a blob."""
    part, held, blob = schema.manifest_blob, schema.repository_blob, schema.blob
    mine = (held.c.repository_id == part.c.repository_id) & (held.c.digest == part.c.digest)
    unheld = select(part.c.digest).outerjoin(held, mine).where(held.c.digest.is_(None))
    unstored = select(held.c.digest).outerjoin(blob, blob.c.digest == held.c.digest).where(blob.c.digest.is_(None))
    both = select(blob.c.key).join(schema.discarded_key, schema.discarded_key.c.key == blob.c.key)
    return [tuple(row) for query in (unheld, unstored, both) for row in db.execute(query)]


async def nothing_is_lost(dump: Dump) -> bool:
    files = dump.files()
    return await dump.region.read(dangling) == [] and await dump.keys() <= files


async def test_an_image_pushed_while_its_layers_are_looked_at_has_them_or_is_refused(dump: Dump) -> None:
    for number in range(ROUNDS):
        layer = f"layer {number}".encode()
        await dump.upload(layer)
        results = await together(
            dump.put(layer, tag=f"t{number}"), dump.garbage.sweep(REGION), dump.garbage.sweep(REGION)
        )
        assert isinstance(results[0], (Digest, LayersMissing))
        assert await nothing_is_lost(dump)


async def test_a_layer_uploaded_while_its_like_is_swept_is_stored(dump: Dump) -> None:
    for number in range(ROUNDS):
        layer = f"layer {number}".encode()
        await dump.upload(layer)
        await together(
            dump.garbage.sweep(REGION),
            dump.upload(layer, OTHER),
            dump.garbage.sweep(REGION),
            dump.upload(layer, API),
            dump.garbage.sweep(REGION),
        )
        assert await nothing_is_lost(dump)


async def test_a_mount_that_was_promised_while_the_source_is_swept_has_its_bytes(dump: Dump) -> None:
    for number in range(ROUNDS):
        layer = f"layer {number}".encode()
        digest = await dump.upload(layer)
        await together(dump.mount(digest), *(dump.garbage.sweep(REGION) for _ in range(3)))
        assert await nothing_is_lost(dump)


async def test_images_and_repositories_that_go_at_once_leave_nothing(dump: Dump) -> None:
    for number in range(ROUNDS):
        layer = f"layer {number}".encode()
        await dump.garbage.sweep(REGION)
        image = await kept_push(dump, layer)
        await together(
            dump.delete(image),
            dump.drop(OTHER),
            *(dump.garbage.sweep(REGION) for _ in range(2)),
            dump.begin(layer, OTHER),
            dump.garbage.expire_uploads(REGION),
        )
        await dump.make(OTHER)
        await dump.settle()
        assert (dump.files(), await dump.keys()) == (set(), set())


async def kept_push(dump: Dump, layer: bytes) -> Digest:
    await dump.upload(layer, OTHER)
    await dump.upload(layer)
    return await dump.put(layer, tag="latest")
