"""One large blob: pushed, with the memory that this takes, and read."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from benchmarks.figures import Found, Row
from benchmarks.fleet import DEBIANS, DISTRIBUTION, NGINX, OLAREG, OURS, OURS_TWICE, ZOT
from benchmarks.generator import megabytes
from benchmarks.peers.processes import memory_mb
from benchmarks.peers.running import Server
from benchmarks.works.work import MIB, Run, Sizes, Work

_REPOSITORY, _FIRST = "bench/blobs", 20_000
_LOOK_AGAIN = 0.05


def works(sizes: Sizes) -> list[Work]:
    """Return both works."""
    pushing = [
        Row(f"push one blob of {sizes.blob_mib} MiB", "MB/s"),
        Row("memory that it adds, at most", "MB", less=True),
    ]
    reading = [Row(f"GET a blob of {sizes.read_mib} MiB, 4 connections", "MB/s")]
    registries = (OURS, DEBIANS, DISTRIBUTION, ZOT, OLAREG)
    return [
        Work("large-push", pushing, registries, _push, _make),
        Work("large-get", reading, (*registries, OURS_TWICE, NGINX), _read, _fill, is_counted=True),
    ]


def _make(run: Run, server: Server) -> None:
    run.repository(server, _REPOSITORY)


def _push(run: Run, server: Server) -> list[Found]:
    with _watched(server) as most:
        before = memory_mb(server.process.pid)
        size = run.sizes.blob_mib * MIB
        found = run.generator.ask("push-blob", server, _REPOSITORY, size=size, first=run.fresh(1))
    return [megabytes(found), Found(max(most, default=before) - before, 1)]


@contextmanager
def _watched(server: Server) -> Iterator[list[float]]:
    """Look at the memory of a server again and again."""
    seen: list[float] = []
    ended = Event()

    def look() -> None:
        while not ended.wait(_LOOK_AGAIN):
            seen.append(memory_mb(server.process.pid))

    thread = Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _fill(run: Run, server: Server) -> None:
    run.repository(server, _REPOSITORY)
    if not run.is_first(server, "the blob that is read"):
        return
    size = run.sizes.read_mib * MIB
    if server.name != NGINX:
        run.generator.ask("push-blob", server, _REPOSITORY, size=size, first=_FIRST)
        return
    place = server.command.folder / "files" / "v2" / _REPOSITORY / "blobs"
    place.mkdir(parents=True)
    run.generator.run("write-blob", size=size, first=_FIRST, file=place)


def _read(run: Run, server: Server) -> list[Found]:
    size = run.sizes.read_mib * MIB
    duration = run.sizes.duration
    found = run.generator.ask("get-blob", server, _REPOSITORY, size=size, first=_FIRST, workers=4, duration=duration)
    return [megabytes(found)]
