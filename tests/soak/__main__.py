"""A soak: pushes, retags, deletions, mounts, replication and garbage collection with short times, at once, and kills.

    python -m tests.soak --minutes 2 --kind sqlite|postgresql|object-store

`object-store` has its rows in PostgreSQL and its layers in Ceph's gateway, and kills these as it kills our processes.

Ends with 1 if a live image lacked a blob at any time, or if bytes are left when everything has settled.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from tests.journeys import postgresql, radosgw
from tests.postgres import start_postgres
from tests.served import Served, start
from tests.soak.client import Registry, connected
from tests.soak.load import Owner, Tally, pool_of_layers, tidy_the_destination
from tests.soak.stocktaking import Stock, stock_of
from twinport.blobs.store import BlobStores
from twinport.catalog.ports import WholeCatalog
from twinport.clock import WallClock, WorldClock
from twinport.composition.databases import open_catalog
from twinport.composition.stores import stores_of
from twinport.settings.loading import load

ACCOUNT, HOME, AWAY = "111122223333", "eu-west-1", "us-east-1"
SOURCE = Path(__file__).parents[2] / "src"
OWNERS, REPOSITORIES_EACH = 8, 2
DELAY_SECONDS = 10
TIMES = {
    "TWINPORT_GARBAGE_DELAY": f"{DELAY_SECONDS}s",
    "TWINPORT_UPLOAD_EXPIRY": "8s",
    "TWINPORT_OFFER_EXPIRY": "15s",
    "TWINPORT_READER_GRACE": "4s",
    "TWINPORT_ORPHAN_AGE": "20s",
    "TWINPORT_ORPHAN_ROUND": "15s",
    "TWINPORT_VERIFY_ROUND": "20s",
    "TWINPORT_VERIFY_RATE": "64MiB",
    "TWINPORT_WORKERS": "2",
}
KINDS = ("sqlite", "postgresql", "object-store")
KILL_EVERY = 12.0
SETTLED_WITHIN = 120.0


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.soak")
    arguments.add_argument("--minutes", type=float, default=2.0)
    arguments.add_argument("--kind", choices=KINDS, action="append")
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    chosen = arguments.parse_args()
    kinds = chosen.kind or ("sqlite", "postgresql")
    reports = [report_of(kind, chosen.minutes / len(kinds), chosen.seed) for kind in kinds]
    sys.exit(1 if any(report["wrong"] or report["leaked"] for report in reports) else 0)


def report_of(kind: str, minutes: float, seed: int) -> dict[str, Any]:
    """Soak a server on databases and stores of one kind, print what was found, and return it."""
    with tempfile.TemporaryDirectory() as folder, ground(kind, Path(folder)) as found:
        served = start(Path(folder) / "data", None, None, **TIMES, **found.environment)
        try:
            report = asyncio.run(soak(served, found, minutes, seed))
        finally:
            served.stop()
        report |= {"kind": kind, "minutes": minutes, "seed": seed, "swept": swept(served)}
    print(json.dumps(report, indent=1), flush=True)
    return report


@dataclass(frozen=True)
class Ground:
    """What a deployment stands on: its settings, what of it may be killed, and how many layers are large."""

    environment: dict[str, str]
    mortal: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    large: int = 0


@contextmanager
def ground(kind: str, folder: Path) -> Iterator[Ground]:
    match kind:
        case "sqlite":
            yield Ground({})
        case "postgresql":
            folder.chmod(0o755)
            (folder / "pg").mkdir()
            server = start_postgres(folder / "pg")
            yield Ground({"TWINPORT_DATABASE": server.new_address()})
            server.stop()
        case _:
            with postgresql.running() as database, radosgw.running() as store:
                environment = {"TWINPORT_DATABASE": database.new_address(), **store.settings()}
                mortal = {"store killed": store.restart, "database's connection killed": database.kill_connection}
                yield Ground(environment, mortal, large=3)


async def soak(served: Served, found: Ground, minutes: float, seed: int) -> dict[str, Any]:
    random, tally = Random(seed), Tally()
    ecr, away = served.client("ecr", ACCOUNT, HOME), served.client("ecr", ACCOUNT, AWAY)
    names = [f"team{owner}/r{number}" for owner in range(OWNERS) for number in range(REPOSITORIES_EACH)]
    await asyncio.to_thread(prepare, ecr, names)
    until = time.monotonic() + minutes * 60
    async with connected(served.url) as session:
        owners = owners_of(Registry(session, f"/v2/{ACCOUNT}/{HOME}", token_of(ecr)), names, random, tally, found.large)
        async with asyncio.TaskGroup() as group:
            for owner in owners:
                group.create_task(owner.run(until))
            group.create_task(tidy_the_destination(away, names, until, tally))
            group.create_task(kill_now_and_then(served, found, until, random, tally))
        replicas = Registry(session, f"/v2/{ACCOUNT}/{AWAY}", token_of(away))
        return await take_stock(served, found.environment, owners, replicas, tally)


def prepare(ecr: Any, names: list[str]) -> None:  # noqa: ANN401 — boto3
    for name in names:
        ecr.create_repository(repositoryName=name)
    destination = {"region": AWAY, "registryId": ACCOUNT}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})


def owners_of(registry: Registry, names: list[str], random: Random, tally: Tally, large: int) -> list[Owner]:
    layers = pool_of_layers(random, large)
    mine = [names[first : first + REPOSITORIES_EACH] for first in range(0, len(names), REPOSITORIES_EACH)]
    # Half of the delay is promised to a push; a second is left for clocks and the answer's way.
    patience = DELAY_SECONDS / 2 - 1
    return [Owner(registry, own, names, layers, Random(random.random()), tally, patience) for own in mine]


def token_of(ecr: Any) -> str:  # noqa: ANN401 — boto3
    return str(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])


async def kill_now_and_then(served: Served, found_on: Ground, until: float, random: Random, tally: Tally) -> None:
    """Kill a serving process with what it has under way, which leaves orphaned files; another one takes its place.

    Every second time, kill what the deployment stands on, if that may be killed.
    """
    grounds = cycle(found_on.mortal.items())
    while time.monotonic() + KILL_EVERY < until:
        await asyncio.sleep(KILL_EVERY)
        if found_on.mortal and random.random() < 0.5:
            what, kill = next(grounds)
            await asyncio.to_thread(kill)
            tally.done[what] += 1
            continue
        found = children_of(served.process.pid)
        if found:
            os.kill(random.choice(found), signal.SIGKILL)
            tally.done["process killed"] += 1


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def take_stock(
    served: Served, environment: dict[str, str], owners: list[Owner], replicas: Registry, tally: Tally
) -> dict[str, Any]:
    """Wait until nothing changes any more, and compare images, rows and files."""
    live = [image for owner in owners for image in owner.images]
    settings = load(None, environment, {"data": served.data})
    catalog, stores = open_catalog(settings, WorldClock(WallClock())), stores_of(settings)
    began = time.monotonic()
    try:
        stock = await settled(catalog, stores, began + SETTLED_WITHIN)
    finally:
        await stores.close()
        catalog.close()
    for owner in owners:
        for image in owner.images:
            await owner.check(image)
    await check_replicas(stock, replicas, tally)
    verified = await asyncio.to_thread(verify, served, environment)
    if verified.returncode != 0:
        tally.wrong_is(f"verify ended with {verified.returncode}: {verified.stdout[-500:]}{verified.stderr[-500:]}")
    if set(stock[HOME].images) != {(image.repository, image.digest) for image in live}:
        tally.wrong_is("the images that are left are not those that were not deleted")
    return {
        "done": dict(sorted(tally.done.items())),
        "bytes_pushed": tally.bytes_pushed,
        "live_images": {region: len(each.images) for region, each in stock.items()},
        "bytes_kept": sum(each.bytes_kept for each in stock.values()),
        "leaked": [problem for each in stock.values() for problem in each.leaks()],
        "seconds_to_settle": round(time.monotonic() - began),
        "wrong": tally.wrong[:50],
    }


def verify(served: Served, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "twinport", "verify", "--json", "--data", str(served.data)]
    words = {**os.environ, **environment, "PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, env=words, capture_output=True, text=True, check=False)


async def settled(catalog: WholeCatalog, stores: BlobStores, deadline: float) -> dict[str, Stock]:
    """Return what there is once there is nothing too much, or when the time is over."""
    while True:
        regions = await catalog.regions()
        stock: dict[str, Stock] = {each: await stock_of(catalog, each, stores.region(each)) for each in regions}
        if all(not each.leaks() for each in stock.values()) or time.monotonic() > deadline:
            return stock
        await asyncio.sleep(2)


async def check_replicas(stock: dict[str, Stock], replicas: Registry, tally: Tally) -> None:
    for name, digest in stock[AWAY].images:
        for blob in stock[AWAY].blobs_of[name, digest]:
            said = await replicas.ask("GET", f"{name}/blobs/{blob}")
            if said.status != 200:
                tally.wrong_is(f"unknown blob of a replica: {said.status} {said.body[:200]!r}")


def swept(served: Served) -> dict[str, int]:
    """Add up what the server says that it deleted."""
    counts: Counter[str] = Counter()
    for line in (served.data.parent / f"{served.data.name}.log").read_text().splitlines():
        fact = json.loads(line) if line.startswith("{") else {}
        if fact.get("event") == "garbage.swept":
            counts.update({key: fact[key] for key in ("uploads", "layers", "blobs", "keys")})
        if fact.get("event") in ("orphans.found", "blob.quarantined", "worker.failed", "blobs.verified"):
            counts[fact["event"]] += fact.get("keys", 1)
    return dict(counts)


main()
