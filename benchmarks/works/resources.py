"""How soon a server answers, how soon it ends, and how much memory it takes while idle."""

import time

from benchmarks.figures import Found, Row
from benchmarks.fleet import MOTO, REGISTRIES
from benchmarks.peers.processes import memory_mb
from benchmarks.peers.running import Server, launch
from benchmarks.works.work import Run, Sizes, Work

# What a server does after its first answer is over by then.
_SETTLED_SECONDS = 2.0


def works(_sizes: Sizes) -> list[Work]:
    """Return the work."""
    rows = [
        Row("start to first answer", "ms", less=True),
        Row("memory idle (PSS)", "MB", less=True),
        Row("end after SIGTERM", "ms", less=True),
    ]
    return [Work("start", rows, (*REGISTRIES, MOTO), _start, _try_once)]


def _try_once(run: Run, server: Server) -> None:
    """Let the first start make what later starts find."""
    _another(run, server).stop()


def _another(run: Run, server: Server) -> Server:
    return launch(run.fleet.command(server.name, run.fleet.place(f"{server.name} again")))


def _start(run: Run, server: Server) -> list[Found]:
    another = _another(run, server)
    try:
        time.sleep(_SETTLED_SECONDS)
        idle = memory_mb(another.process.pid)
    finally:
        ending_ms = another.stop()
    return [Found(another.start_ms, 1), Found(idle, 1), Found(ending_ms, 1)]
