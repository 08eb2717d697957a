"""What a scrape costs with a million deliveries in the outbox, and what counting adds to a request.

PYTHONPATH=src python benchmarks/metrics.py [DELIVERIES]
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

from sqlalchemy import Connection, text

from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import schema
from twinport.clock import WallClock
from twinport.control.backlog import BacklogReader
from twinport.control.metrics import Scrape
from twinport.metrics import current_request, names
from twinport.metrics.requests import measured
from twinport.metrics.values import Snapshot
from twinport.model.names import RegionName
from twinport.model.regions import DEFAULT_REGIONS

HOME = RegionName("eu-west-1")
ACCOUNTS, VERBS, PROCESSES, SCRAPES, REQUESTS = 10_000, 40, 2, 20, 20_000
AT_ONCE = 50_000


async def main(deliveries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        catalog = EmbeddedCatalog(Path(folder), WallClock())
        await fill(catalog, deliveries)
        count_like_a_busy_process()
        reader = BacklogReader(catalog, WallClock(), frozenset(DEFAULT_REGIONS), ticks=lambda: float("inf"))
        cold = await cpu_of(Scrape(processes, Fresh(catalog).reader).answer)
        fresh = [await cpu_of(Scrape(processes, Fresh(catalog).reader).answer) for _ in range(SCRAPES)]
        kept = [await cpu_of(Scrape(processes, reader).answer) for _ in range(SCRAPES)]
        size = len((await Scrape(processes, reader).answer()).body)
        catalog.close()
    print(f"{deliveries:,} deliveries of {ACCOUNTS:,} accounts, {PROCESSES} processes, {VERBS} verbs: {size:,} bytes")
    print(f"the first scrape, which loads prometheus-client: {cold:.1f} ms CPU")
    print(f"a scrape that reads the lanes: {statistics.median(fresh):.1f} ms CPU, at most {max(fresh):.1f}")
    print(f"a scrape within ten seconds of another: {statistics.median(kept):.1f} ms CPU")
    print(f"counting one request: {counting() * 1e6:.1f} microseconds CPU")


class Fresh:
    """A reader that has read nothing yet."""

    def __init__(self, catalog: EmbeddedCatalog) -> None:
        self.reader = BacklogReader(catalog, WallClock(), frozenset(DEFAULT_REGIONS))


async def processes() -> list[tuple[str, Snapshot]]:
    return [(str(number), names.snapshot()) for number in range(1, PROCESSES + 1)]


async def cpu_of(work: Callable[[], Awaitable[object]]) -> float:
    """Return the milliseconds of all threads of this process."""
    began = process_time()
    await work()
    return (process_time() - began) * 1000


def counting() -> float:
    began = process_time()
    for _ in range(REQUESTS):
        with measured() as exchange:
            current_request.entered("oci")
            current_request.asked("oci:GET manifests")
            exchange.status, exchange.sent = 200, 1000
    return (process_time() - began) / REQUESTS


def count_like_a_busy_process() -> None:
    for number in range(VERBS):
        for outcome in ("ok", "refused", "failed"):
            names.REQUESTS.add(f"ecr:Verb{number}", outcome)
        names.REQUEST_SECONDS.observe(perf_counter() % 1, f"ecr:Verb{number}")
    for database in ("partition", "region"):
        for operation in ("read", "read_much", "write"):
            names.DATABASE_SECONDS.observe(0.01, database, operation)


async def fill(catalog: EmbeddedCatalog, deliveries: int) -> None:
    """Owe deliveries, a tenth of which wait, and let the lanes say so."""
    rows = made(deliveries)
    while batch := list(islice(rows, AT_ONCE)):
        await catalog.region(HOME).write(partial(owe, batch=batch))
    await catalog.region(HOME).write(summed_up)


def owe(db: Connection, batch: list[dict[str, object]]) -> None:
    db.execute(schema.delivery.insert(), batch)


def made(deliveries: int) -> Iterator[dict[str, object]]:
    now = WallClock().now()
    for number in range(deliveries):
        at = now - timedelta(seconds=number % 86400)
        yield {
            "id": f"d{number}",
            "source_account": f"{number % ACCOUNTS:012}",
            "destination_region": "us-east-1",
            "destination_account": "111122223333",
            "repository": "team/api",
            "digest": f"sha256:{number:064x}",
            "epoch": 1,
            "sequence": number,
            "state": "waiting" if (number // ACCOUNTS) % 10 == 0 else "complete",
            "created_at": at,
            "due_at": at,
        }


def summed_up(db: Connection) -> None:
    """Let the lanes say what the deliveries are, as the transactions would have."""
    db.execute(
        text(
            "INSERT INTO lane (source_account, destination_region, destination_account, waiting, oldest) "
            "SELECT source_account, destination_region, destination_account, count(*), min(created_at) "
            "FROM delivery WHERE state = 'waiting' GROUP BY 1, 2, 3"
        )
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
