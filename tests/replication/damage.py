"""Images whose bytes go bad: a layer's on the disk, a manifest's in the catalog."""

from pathlib import Path

from sqlalchemy import update

from tests.replication.world import NAME, Image, World, image
from twinport.catalog import pulls
from twinport.catalog.regional import schema, verification
from twinport.catalog.regional.blobs import StoredBlob
from twinport.catalog.regional.verification import RecordedBlob
from twinport.model.content import Damage, Digest
from twinport.model.names import Registry

LAYER = b"a layer that goes bad"
FIRST, SECOND = image(LAYER, config=b'{"first":1}'), image(LAYER, config=b'{"second":2}')


async def damage(world: World, at: Registry) -> None:
    """Let the layer's bytes go bad, and let that be noticed."""
    (await located(world, at)).write_bytes(LAYER.upper())
    await note(world, at, Damage.WRONG_DIGEST)


async def note(world: World, at: Registry, found: Damage | None) -> None:
    """Note what verification found of the layer's bytes."""
    stored, now = await _stored(world, at), world.clock.now()
    blob = RecordedBlob(Digest.of(LAYER), stored.key, stored.size, None)
    await world.catalog.region(at.region).write(lambda db: verification.settle(db, blob, found, now))


async def spoil(world: World, at: Registry, what: Image) -> None:
    """Let a manifest's bytes go bad where the catalog keeps them."""
    spoilt = what.content.replace(b"layer", b"loyer")
    named = schema.manifest.c.digest == str(what.digest)
    await world.catalog.region(at.region).write(
        lambda db: db.execute(update(schema.manifest).where(named).values(content=spoilt))
    )


async def located(world: World, at: Registry) -> Path:
    """Return the layer's file."""
    return world.stores.region(at.region).path((await _stored(world, at)).key)


async def _stored(world: World, at: Registry) -> StoredBlob:
    digest = Digest.of(LAYER)
    where = await world.catalog.region(at.region).read(lambda db: pulls.blob(db, at.repository(NAME), digest))
    assert where.blob is not None
    return where.blob
