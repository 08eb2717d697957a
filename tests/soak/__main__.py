"""A soak: pushes, retags, deletions, mounts, replication and garbage collection with short times, at once, and kills.

    python -m tests.soak --minutes 2 --database sqlite|postgresql

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests.postgres import start_postgres
from tests.served import Served, start
from tests.soak.client import Registry, connected
from tests.soak.load import Owner, Tally, pool_of_layers, tidy_the_destination
from tests.soak.stocktaking import Stock, stock_of
from twinport.catalog.ports import WholeCatalog
from twinport.clock import WallClock, WorldClock
from twinport.composition.databases import open_catalog
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
KILL_EVERY = 12.0
SETTLED_WITHIN = 120.0


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.soak")
    arguments.add_argument("--minutes", type=float, default=2.0)
    arguments.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    chosen = arguments.parse_args()
    kinds = ("sqlite", "postgresql") if chosen.database == "both" else (chosen.database,)
    reports = [report_of(kind, chosen.minutes / len(kinds), chosen.seed) for kind in kinds]
    sys.exit(1 if any(report["wrong"] or report["leaked"] for report in reports) else 0)


def report_of(kind: str, minutes: float, seed: int) -> dict[str, Any]:
    """Soak a server on one kind of database, print what was found, and return it."""
    with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as environment:
        served = start(Path(folder) / "data", None, None, **TIMES, **environment)
        try:
            report = asyncio.run(soak(served, environment, minutes, seed))
        finally:
            served.stop()
        report |= {"database": kind, "minutes": minutes, "seed": seed, "swept": swept(served)}
    print(json.dumps(report, indent=1), flush=True)
    return report


@contextmanager
def database(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    if kind == "sqlite":
        yield {}
        return
    folder.chmod(0o755)
    (folder / "pg").mkdir()
    server = start_postgres(folder / "pg")
    yield {"TWINPORT_DATABASE": server.new_address()}
    server.stop()


async def soak(served: Served, environment: dict[str, str], minutes: float, seed: int) -> dict[str, Any]:
    random, tally = Random(seed), Tally()
    ecr, away = served.client("ecr", ACCOUNT, HOME), served.client("ecr", ACCOUNT, AWAY)
    names = [f"team{owner}/r{number}" for owner in range(OWNERS) for number in range(REPOSITORIES_EACH)]
    await asyncio.to_thread(prepare, ecr, names)
    until = time.monotonic() + minutes * 60
    async with connected(served.url) as session:
        owners = owners_of(Registry(session, f"/v2/{ACCOUNT}/{HOME}", token_of(ecr)), names, random, tally)
        async with asyncio.TaskGroup() as group:
            for owner in owners:
                group.create_task(owner.run(until))
            group.create_task(tidy_the_destination(away, names, until, tally))
            group.create_task(kill_now_and_then(served, until, random, tally))
        replicas = Registry(session, f"/v2/{ACCOUNT}/{AWAY}", token_of(away))
        return await take_stock(served, environment, owners, replicas, tally)


def prepare(ecr: Any, names: list[str]) -> None:  # noqa: ANN401 — boto3
    for name in names:
        ecr.create_repository(repositoryName=name)
    destination = {"region": AWAY, "registryId": ACCOUNT}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})


def owners_of(registry: Registry, names: list[str], random: Random, tally: Tally) -> list[Owner]:
    layers = pool_of_layers(random)
    mine = [names[first : first + REPOSITORIES_EACH] for first in range(0, len(names), REPOSITORIES_EACH)]
    # Half of the delay is promised to a push; a second is left for clocks and the answer's way.
    patience = DELAY_SECONDS / 2 - 1
    return [Owner(registry, own, names, layers, Random(random.random()), tally, patience) for own in mine]


def token_of(ecr: Any) -> str:  # noqa: ANN401 — boto3
    return str(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])


async def kill_now_and_then(served: Served, until: float, random: Random, tally: Tally) -> None:
    """Kill a serving process with what it has under way, which leaves orphaned files; another one takes its place."""
    while time.monotonic() + KILL_EVERY < until:
        await asyncio.sleep(KILL_EVERY)
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
    catalog = open_catalog(settings, WorldClock(WallClock()))
    began = time.monotonic()
    try:
        stock = await settled(catalog, served.data, began + SETTLED_WITHIN)
    finally:
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


async def settled(catalog: WholeCatalog, data: Path, deadline: float) -> dict[str, Stock]:
    """Return what there is once there is nothing too much, or when the time is over."""
    while True:
        stock: dict[str, Stock] = {region: await stock_of(catalog, region, data) for region in await catalog.regions()}
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
