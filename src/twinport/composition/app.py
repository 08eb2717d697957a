"""The composition root: `build` puts the parts together, each once. Each kind of part has a module beside this one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from twinport.access.policy_gate import PolicyGate
from twinport.catalog.ports import CLOSING_LIMIT, WholeCatalog
from twinport.clock import Clock
from twinport.composition.access import access_of
from twinport.composition.databases import open_catalog
from twinport.composition.doors import control_door, doors, metrics_application
from twinport.composition.ground import Ground, ground_of
from twinport.composition.identities import identity_verbs
from twinport.composition.registry import couriers, registry_verbs
from twinport.composition.tasks import BackgroundTasks, loops, notes
from twinport.control.backlog import BacklogReader
from twinport.control.metrics import Scrape, load_exposition
from twinport.http.application import Application
from twinport.processes.breakdown import Breakdown
from twinport.processes.draining import Draining
from twinport.processes.peers import this_host
from twinport.processes.scrapes import ScrapedProcesses
from twinport.registry.pulls import Pulls
from twinport.settings.loading import Settings


@dataclass(frozen=True, slots=True)
class App:
    """What `serve` runs. `worker` runs only the tasks. `metrics_application` is for the metrics listener."""

    application: Application
    metrics_application: Application
    tasks: BackgroundTasks
    catalog: WholeCatalog
    draining: Draining

    @property
    def breakdown(self) -> Breakdown:
        return self.catalog.breakdown

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        self.catalog.close(within)


def build(
    settings: Settings,
    gate: type[PolicyGate] = PolicyGate,
    opened: Callable[[Settings, Clock], WholeCatalog] = open_catalog,
    kind: str = "server",
) -> App:
    """Open the data folder and build the parts. Raises what `open_catalog` does.

    `gate` and `opened` may supply a gate and a catalog that also record their calls. `kind` is the kind of this
    process that other processes see in the folder.
    """
    ground = ground_of(settings, opened, kind)
    access = access_of(ground, gate)
    identities = identity_verbs(ground, access)
    pulls = Pulls(ground.catalog)
    verbs = registry_verbs(ground, access, pulls)
    carrying = couriers(ground.patient(), access)
    scraped = ScrapedProcesses(settings.data / "metrics", this_host())
    scrape = _scraping(ground, scraped)
    control = control_door(ground, access, carrying, scrape, draining := Draining())
    served = doors(ground, access, verbs, identities, control)
    tasks = BackgroundTasks(
        settings,
        ground.catalog,
        ground.stores,
        access.sessions,
        ground.peers,
        scraped,
        couriers=carrying,
        carries=kind == "worker" or not settings.couriers_apart,
        notes=notes(ground, access, pulls),
        loops=loops(ground.patient(), verbs, pulls),
        orders=ground.orders,
    )
    application = Application(ground.admission, served, has_access_log=settings.has_access_log, draining=draining)
    return App(application, metrics_application(ground, scrape), tasks, ground.catalog, draining)


def _scraping(ground: Ground, scraped: ScrapedProcesses) -> Scrape:
    """Build what gathers the metrics. If scrapes are expected, load what writes them now."""
    if ground.settings.metrics_listen or ground.settings.metrics_secret:
        load_exposition()
    return Scrape(scraped.numbers, BacklogReader(ground.catalog, ground.world, ground.regions))
