"""The composition root: builds every object once, and nothing else does."""

from dataclasses import dataclass

from twinport import telemetry
from twinport.access.accounts import Accounts, NewAccount
from twinport.access.sealing import sealer_of_folder
from twinport.catalog import outbox
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import WallClock, WorldClock
from twinport.config import Settings
from twinport.control.door import ControlDoor
from twinport.edge import edge_of
from twinport.front import Front
from twinport.model.names import Registry
from twinport.model.replication import DeliveryReport
from twinport.telemetry import Event

DELIVERIES_SHOWN = 100


class Idle:
    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class App:
    front: Front
    catalog: EmbeddedCatalog

    def close(self) -> None:
        self.catalog.close()


def build(settings: Settings) -> App:
    """Open the data folder and put the parts together. Raises ConfigurationWrong or StorageUnavailable."""
    world = WorldClock(WallClock())
    catalog = EmbeddedCatalog(settings.data, world)
    edge = edge_of(settings.allowed_hosts, settings.public_url, settings.trusted_proxies)

    async def reset() -> None:
        await catalog.clear()
        telemetry.event(Event.STATE_RESET)

    async def deliveries(source: Registry) -> list[DeliveryReport]:
        return await catalog.region(source.region).read(lambda db: outbox.reports(db, source.account, DELIVERIES_SHOWN))

    is_open = settings.has_open_accounts
    control = ControlDoor(reset if is_open else None, deliveries if is_open else None)
    return App(Front(edge, (("/", control),), Idle()), catalog)


async def create_account(settings: Settings, name: str) -> NewAccount:
    """Create an account in the data folder, whether or not a server runs on it."""
    world = WorldClock(WallClock())
    catalog = EmbeddedCatalog(settings.data, world)
    try:
        return await Accounts(catalog, sealer_of_folder(settings.data), world).create(name)
    finally:
        catalog.close()
