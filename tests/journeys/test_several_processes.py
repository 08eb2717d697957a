"""Several processes on one deployment are killed one after the other while images are pushed: nothing is lost."""

import json
import os
import random
import signal
import subprocess
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.catalogs import ENGINES, POSTGRESQL
from tests.journeys import replication
from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE, Owner
from tests.journeys.images import small
from tests.journeys.registry import Registry
from tests.journeys.replication import TO_BOTH
from tests.journeys.server import COMMAND, Server
from tests.journeys.waiting import until
from tests.waiting import END_SECONDS

T = TypeVar("T")
IMAGES = {f"t{number}": small(f"machine-{number}") for number in range(50)}
REPOSITORY = "team/api"
SERVING = 2
PUSHERS = 4
INSIST_SECONDS = 60.0
# Between one kill and the next.
SHORTEST_PEACE, LONGEST_PEACE = 0.3, 1.2
NEVER_ANSWERED = (OSError, HTTPException, BotoCoreError)
RANDOM = random.Random(7)


class Crowd:
    """A server of several processes, and a worker beside it."""

    def __init__(self, folder: Path, database: str | None) -> None:
        config = folder / "twinport.toml"
        config.write_text("" if database is None else f'database = "{database}"\n')
        self.server = Server(folder, "--workers", str(SERVING), "--config", str(config))
        self._worker_command = [*COMMAND, "worker", "--data", str(folder / "data"), "--config", str(config)]
        self._log = folder / "worker.log"
        self.worker: subprocess.Popen[bytes] | None = None
        self.killed = 0

    def start_worker(self) -> None:
        with self._log.open("ab") as log:
            self.worker = subprocess.Popen(self._worker_command, stdin=subprocess.DEVNULL, stderr=log)

    def stop_worker(self) -> None:
        assert self.worker is not None
        self.worker.terminate()
        assert self.worker.wait(timeout=END_SECONDS) == 0

    def processes(self) -> list[int]:
        """The server's processes, but not their parent."""
        listed = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def everybody(self) -> list[int]:
        """Return all processes if each of them has begun to work, and none otherwise."""
        assert self.worker is not None
        logs = self.server.log + (self._log.read_text() if self._log.exists() else "")
        events = [json.loads(line) for line in logs.splitlines() if ".started" in line and line.endswith("}")]
        working = {each["process"] for each in events if each["event"] in ("server.started", "worker.started")}
        present = [*self.processes(), self.worker.pid]
        return present if len(present) == SERVING + 1 and working.issuperset(present) else []

    def kill_somebody(self) -> None:
        assert self.worker is not None
        victim = RANDOM.choice(until("everybody works", self.everybody, seconds=INSIST_SECONDS))
        self.killed += 1
        if victim == self.worker.pid:
            self.worker.kill()
            self.worker.wait()
            self.start_worker()
            return
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)

    def kill_until(self, over: threading.Event) -> None:
        while not over.wait(RANDOM.uniform(SHORTEST_PEACE, LONGEST_PEACE)):
            self.kill_somebody()


@pytest.fixture(params=ENGINES)
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    database = request.getfixturevalue("postgres_address") if request.param == POSTGRESQL else None
    crowd = Crowd(tmp_path, database)
    with crowd.server:
        crowd.start_worker()
        yield crowd
        crowd.stop_worker()


def test_whichever_process_is_killed_every_image_lands_once_and_no_status_is_ahead(crowd: Crowd) -> None:
    source = Owner(crowd.server, SOURCE, HOME)
    away, other = Owner(crowd.server, SOURCE, AWAY), Owner(crowd.server, OTHER, AWAY)
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    replication.allow_replication(other, SOURCE)
    replication.configure(source, TO_BOTH)
    over = threading.Event()
    with ThreadPoolExecutor(PUSHERS + 2) as threads:
        killing = threads.submit(crowd.kill_until, over)
        watching = threads.submit(watch, source, (away, other), over)
        pushes = [threads.submit(push, source, tag) for tag in IMAGES]
        for each in pushes:
            each.result()
        over.set()
        killing.result()
        assert watching.result() > 0
    assert crowd.killed > 0
    for tag in IMAGES:
        replication.wait_for_copies(source, REPOSITORY, {"imageTag": tag}, away, other)
    for owner in (source, away, other):
        registry = Registry.of(owner)
        assert all(registry.has(REPOSITORY, image) for image in IMAGES.values())
    assert deliveries(crowd.server) == Counter((tag, place(owner)) for tag in IMAGES for owner in (away, other))


def push(source: Owner, tag: str) -> None:
    """Push until it is acknowledged, as a client that is told nothing does."""
    registry = insist(lambda: Registry.of(source))
    # Each blob by itself: a push that was cut off goes on where it was.
    for blob in IMAGES[tag].blobs:
        insist(partial(is_taken, partial(registry.push_blob, REPOSITORY, blob)))
    insist(partial(is_taken, partial(registry.put_manifest, REPOSITORY, tag, IMAGES[tag])))


def is_taken(request: Callable[[], int]) -> bool:
    status = request()
    # Nothing but "not now" and "taken" may be heard, whichever process dies.
    assert status in (201, 503), status
    return status == 201


def watch(source: Owner, destinations: tuple[Owner, ...], over: threading.Event) -> int:
    """Ask how far copies are: what is called complete must be there at once. Return how many were."""
    seen = 0
    while not over.is_set():
        tag = RANDOM.choice(list(IMAGES))
        copies: dict[tuple[str, str], str] = {}
        with suppress(ClientError, *NEVER_ANSWERED):
            copies = replication.statuses(source, REPOSITORY, {"imageTag": tag})
        for owner in destinations:
            if copies.get((owner.account, owner.region)) == "COMPLETE":
                seen += 1
                assert insist(partial(pulled, owner, tag)) == IMAGES[tag].manifest.content, "the status was ahead"
    return seen


def pulled(owner: Owner, tag: str) -> bytes | None:
    said = Registry.of(owner).ask("GET", f"{REPOSITORY}/manifests/{tag}")
    assert said.status in (200, 503), f"{said.status}: the status was ahead of the copy"
    return said.body if said.status == 200 else None


def insist(attempt: Callable[[], T | None]) -> T:
    """Try again while no process answers, or while the answer is that it was not done."""

    def once() -> T | None:
        try:
            return attempt()
        except (ClientError, *NEVER_ANSWERED):
            return None

    return until("an answer", once, seconds=INSIST_SECONDS)


def deliveries(server: Server) -> Counter[tuple[str, str]]:
    """Count what was ever owed, by tag and destination."""
    with urllib.request.urlopen(f"{server.url}/_twinport/deliveries?account={SOURCE}&region={HOME}") as answer:
        return Counter((each["tag"], each["destination"]) for each in json.load(answer)["deliveries"])


def place(owner: Owner) -> str:
    return f"{owner.account}/{owner.region}"
