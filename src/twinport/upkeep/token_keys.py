"""`twinport keys rotate-tokens`: the keys by which Regions sign authorization tokens are exchanged."""

from collections.abc import Sequence

from twinport.access.tokens import RegionKeys
from twinport.catalog.beginnings import begin_era
from twinport.clock import WallClock, WorldClock
from twinport.composition.databases import join_catalog, sealer_of
from twinport.model.names import RegionName
from twinport.settings.loading import Settings
from twinport.upkeep.sites import RegionNeverUsed


async def rotate(settings: Settings, named: Sequence[str]) -> list[RegionName]:
    """Give each of the Regions, or of all Regions, another token key. Return those that had one.

    Raises RegionNeverUsed before anything is changed, and what `join_catalog` does.
    """
    world = WorldClock(WallClock())
    catalog = join_catalog(settings, world)
    try:
        known = await catalog.regions()
        for name in named:
            if name not in known:
                raise RegionNeverUsed(name, known)
        chosen = [each for each in known if not named or each in named]
        keys = RegionKeys(catalog, sealer_of(settings), world, chosen)
        try:
            return [each for each in chosen if await keys.rotate(each)]
        finally:
            # Every process then reads the keys again, and learns until when the old ones are good. Where one Region
            # fails, that holds for those before it.
            await catalog.partition.write(begin_era)
    finally:
        catalog.close()
