"""The parts that every other part depends on: settings, clocks, databases, bytes, and the other processes."""

import importlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from twinport.access.sealing import Sealer
from twinport.blobs.store import WholeBlobStores
from twinport.catalog.guarded import GuardedCatalog, Orders
from twinport.catalog.measured import MeasuredCatalog
from twinport.catalog.ports import WholeCatalog
from twinport.clock import Clock, WallClock, WorldClock
from twinport.composition.databases import sealer_of
from twinport.composition.stores import stores_of
from twinport.files import private_files
from twinport.http.admission import Admission, admission_of
from twinport.model.names import RegionName, region_name
from twinport.model.regions import DEFAULT_REGIONS, HOME_REGION
from twinport.processes.peers import Peers, this_host
from twinport.processes.wakeups import Messenger, Wakeups
from twinport.settings.loading import Settings


@dataclass(frozen=True, slots=True)
class Ground:
    """The parts that everything else depends on.

    Writes to `catalog` are refused while the deployment is read-only, as `orders` tell. `unguarded` is the same
    catalog for what must go on then.
    """

    settings: Settings
    world: WorldClock
    catalog: WholeCatalog
    unguarded: WholeCatalog
    orders: Orders
    stores: WholeBlobStores
    sealer: Sealer
    admission: Admission
    regions: Collection[RegionName]
    peers: Peers
    wakeups: Wakeups

    @property
    def home(self) -> RegionName:
        """The first Region of the settings, or AWS's own first one where they name none."""
        return region_name(self.settings.regions[0]) if self.settings.regions else HOME_REGION

    def patient(self) -> "Ground":
        """Return the parts for work beside the requests: its writes wait until the deployment is not read-only."""
        return replace(self, catalog=GuardedCatalog(self.unguarded, self.orders.wait))


def ground_of(settings: Settings, opened: Callable[[Settings, Clock], WholeCatalog], kind: str) -> Ground:
    """Open the data folder. Raises what `opened` raises; `open_catalog` is the usual one."""
    world = WorldClock(WallClock())
    catalog = MeasuredCatalog(opened(settings, world))
    orders = Orders(catalog)
    private_files.close_folder(settings.data)
    peers = Peers(settings.data / "processes", this_host(), kind)
    return Ground(
        settings=settings,
        world=world,
        catalog=GuardedCatalog(catalog, orders.refuse),
        unguarded=catalog,
        orders=orders,
        stores=stores_of(settings),
        sealer=sealer_of(settings),
        admission=admission_of(settings.allowed_hosts, settings.public_url, settings.trusted_proxies),
        regions=frozenset(tuple(region_name(text) for text in settings.regions) or DEFAULT_REGIONS),
        peers=peers,
        wakeups=Wakeups(_messenger(settings, catalog, peers)),
    )


def _messenger(settings: Settings, catalog: WholeCatalog, peers: Peers) -> Messenger:
    """Return the messenger to the other processes. Processes on one SQLite file share a host and a folder."""
    if settings.database is None:
        return peers
    notifications = importlib.import_module("twinport.catalog.notifications")
    messenger: Messenger = notifications.Notifications(catalog.partition, settings.database, peers.name)
    return messenger
