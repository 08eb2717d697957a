"""One run: clients and a nemesis on a real deployment, then quiet, then everything is looked at."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tests.histories import gathering
from tests.histories.clients import Client, Door, Goods
from tests.histories.deployment import Deployment, Worker, deployed
from tests.histories.history import Heard, History, Kind, Place, of_kind
from tests.histories.nemesis import Nemesis
from tests.journeys import replication
from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE, Owner
from tests.journeys.images import index, small
from tests.journeys.replication import TO_BOTH

CLIENTS = 8
REPOSITORIES = ("team/api", "team/web")
TAGS = ("stable", "edge", "1.4")
IMAGES = 5
# Tags and images are of a season, so that no register has more calls than can be ordered.
SEASON_SECONDS = 6.0
LARGE_LAYER = 3 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    database: str
    seconds: float
    seed: int
    workers: int
    has_worker: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen, and what the nemesis did."""

    history: History
    blows: Counter[str]


def run(plan: Plan, folder: Path) -> Outcome:
    with deployed(folder, plan.database, plan.workers) as deployment, _beside(deployment, plan) as worker:
        _prepare(deployment)
        return asyncio.run(_run(plan, deployment, worker))


@contextmanager
def _beside(deployment: Deployment, plan: Plan) -> Iterator[Worker | None]:
    if not plan.has_worker:
        yield None
        return
    worker = Worker(deployment)
    worker.start()
    try:
        yield worker
    finally:
        worker.kill()


def _prepare(deployment: Deployment) -> None:
    source, other = Owner(deployment.server, SOURCE, HOME), Owner(deployment.server, OTHER, AWAY)
    replication.allow_replication(other, SOURCE)
    replication.configure(source, TO_BOTH)
    for name in REPOSITORIES:
        source.boto("ecr").create_repository(repositoryName=name)


async def _run(plan: Plan, deployment: Deployment, worker: Worker | None) -> Outcome:
    began = time.monotonic()

    def now() -> float:
        return time.monotonic() - began

    def is_over() -> bool:
        return now() > plan.seconds

    doors = _doors(deployment)
    clients = [Client(number, doors, now) for number in range(CLIENTS)]
    nemesis = Nemesis(deployment, worker, random.Random(f"{plan.seed} nemesis"))
    # Every client may wait in a thread for an answer that comes late.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * CLIENTS))
    async with asyncio.TaskGroup() as group:
        group.create_task(nemesis.rage(is_over))
        for client in clients:
            group.create_task(_live(client, random.Random(f"{plan.seed} {client.number}"), plan.seed, is_over))
    observer = Client(CLIENTS, doors, now)
    return Outcome(await _gathered(deployment, clients, observer), nemesis.did)


def _doors(deployment: Deployment) -> dict[tuple[str, str], Door]:
    owners = [
        Owner(deployment.server, account, region) for account, region in ((SOURCE, HOME), (SOURCE, AWAY), (OTHER, AWAY))
    ]
    doors = {(owner.account, owner.region): Door(deployment.server, owner) for owner in owners}
    for door in doors.values():
        door.enter()
    return doors


async def _live(client: Client, chance: random.Random, seed: int, is_over: Callable[[], bool]) -> None:
    while not is_over():
        before = len(client.operations)
        await _one_thing(client, chance, seed)
        if all(each.heard in (Heard.REFUSED, Heard.UNKNOWN) for each in client.operations[before:]):
            # No process answers: a client that asks again at once only fills the history.
            await asyncio.sleep(chance.uniform(0.05, 0.2))


async def _one_thing(client: Client, chance: random.Random, seed: int) -> None:
    season = int(client.now() / SEASON_SECONDS)
    place = Place(SOURCE, HOME, chance.choice(REPOSITORIES))
    tag, goods = f"{chance.choice(TAGS)}-{season}", _goods(seed, season, chance.randrange(IMAGES))
    digest = goods.manifest.digest
    match chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]:
        case Kind.PUT:
            await client.push(place, tag, goods)
        case Kind.READ_TAG:
            await client.read_tag(place, tag)
        case Kind.READ_DIGEST:
            await client.read_image(place, digest)
        case Kind.DELETE_TAG:
            await client.delete_tag(place, tag)
        case Kind.UNTAG:
            await client.untag(place, tag)
        case Kind.DELETE_IMAGE:
            await client.delete_image(place, digest)
        case _:
            await client.follow(place, digest)


_WEIGHTS = {
    Kind.PUT: 34,
    Kind.READ_TAG: 30,
    Kind.READ_DIGEST: 8,
    Kind.DELETE_TAG: 6,
    Kind.UNTAG: 5,
    Kind.DELETE_IMAGE: 5,
    Kind.STATUS: 12,
}


@lru_cache(maxsize=64)
def _goods(seed: int, season: int, number: int) -> Goods:
    """What is pushed in a season: images, of which one takes a while to carry, and an index of two."""
    name = f"{seed}-{season}-{number}"
    if number == 1:
        images = (small(f"{name}-amd64"), small(f"{name}-arm64"))
        return Goods(index(*images), images)
    image = small(name, layer_bytes=LARGE_LAYER if number == 0 else 100)
    return Goods(image.manifest, (image,))


async def _gathered(deployment: Deployment, clients: list[Client], observer: Client) -> History:
    unsettled = await gathering.settled(deployment, HOME)
    asked = [each for client in clients for each in client.operations]
    final = {}
    copies = {Place(SOURCE, HOME, name): (Place(SOURCE, AWAY, name), Place(OTHER, AWAY, name)) for name in REPOSITORIES}
    for source, destinations in copies.items():
        final[source] = await gathering.looked_at(observer, source, asked)
        digests = {each.digest for each in of_kind(asked, Kind.PUT) if each.place == source and each.digest}
        await gathering.pulled(observer, source, sorted(digests))
        for destination in destinations:
            final[destination] = await gathering.tags(observer.door(destination), destination)
            await gathering.pulled(observer, destination, sorted(set(final[destination].values())))
    logs = (deployment.folder / "twinport.log", deployment.folder / "worker.log")
    history = History((*asked, *observer.operations), copies, final, unsettled=unsettled)
    return replace(
        history,
        deliveries=gathering.deliveries(deployment, HOME, AWAY),
        applied=gathering.applied(deployment, AWAY),
        settled=gathering.settlements(*logs),
    )
