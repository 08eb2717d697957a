"""What is swept, and when."""

from pathlib import Path

from tests.fakes import REGISTRY
from twinport.blobs.files import FileBlobStores
from twinport.catalog import blobs, leases
from twinport.catalog.embedded import WholeCatalog
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.registry.sweep import GRACE, Sweep

CONTENT = b"the same layer twice"


async def record(catalog: WholeCatalog, stores: FileBlobStores, world: ManualClock) -> Path:
    """Store the content as a push would, and return its file."""
    store, now = stores.region(REGISTRY.region), world.now()
    async with store.create() as writer:
        await writer.write(CONTENT)
        written = await writer.finish()
    await catalog.region(REGISTRY.region).write(
        lambda db: blobs.record(db, Digest.of(CONTENT), written.key, written.size, now)
    )
    return store.path(written.key)


async def test_the_loser_of_two_uploads_is_swept_after_a_while_and_the_winner_stays(
    catalog: WholeCatalog, tmp_path: Path
) -> None:
    world, stores = ManualClock(), FileBlobStores(tmp_path)
    winner, loser = await record(catalog, stores, world), await record(catalog, stores, world)
    sweep = Sweep(catalog, stores, world, "ann")
    assert await sweep.some(REGISTRY.region) == 0
    assert loser.exists()
    world.advance(GRACE * 2)
    assert await sweep.some(REGISTRY.region) == 1
    assert (winner.exists(), loser.exists()) == (True, False)
    assert await sweep.some(REGISTRY.region) == 0


async def test_a_sweep_that_was_cut_off_is_taken_up_again(catalog: WholeCatalog, tmp_path: Path) -> None:
    world, stores = ManualClock(), FileBlobStores(tmp_path)
    await record(catalog, stores, world)
    loser = await record(catalog, stores, world)
    loser.unlink()  # the sweep had come this far
    world.advance(GRACE * 2)
    assert await Sweep(catalog, stores, world, "ann").some(REGISTRY.region) == 1


async def test_a_region_that_nobody_wrote_to_is_not_made_by_sweeping_it(catalog: WholeCatalog, tmp_path: Path) -> None:
    await Sweep(catalog, FileBlobStores(tmp_path), ManualClock(), "ann").some(REGISTRY.region)
    assert not (tmp_path / "regions").exists()


async def test_two_processes_do_not_sweep_one_region_at_once(catalog: WholeCatalog, tmp_path: Path) -> None:
    world, stores = ManualClock(), FileBlobStores(tmp_path)
    for _ in range(3):
        await record(catalog, stores, world)
    world.advance(GRACE * 2)
    region = catalog.region(REGISTRY.region)
    assert await region.write(lambda db: leases.take(db, "sweep", "bob", catalog.now(db), lease=GRACE))
    ann = Sweep(catalog, stores, world, "ann")
    assert await ann.some(REGISTRY.region) == 0
    await region.write(lambda db: leases.lapse(db, "bob"))
    assert await ann.some(REGISTRY.region) == 2
