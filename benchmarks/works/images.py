"""Whole images of one layer of 1 MiB: pulled, and pushed durably."""

from benchmarks.figures import Found, Row
from benchmarks.fleet import CEILING, OURS_POSTGRESQL, REGISTRIES
from benchmarks.generator import rate
from benchmarks.peers.running import Server
from benchmarks.works.work import Run, Sizes, Work

_PULLED, _PUSHED = "bench/pulled", "bench/pushed"
_IMAGES, _FIRST = 20, 10_000


def works(_sizes: Sizes) -> list[Work]:
    """Return both works."""
    contenders = (*REGISTRIES, OURS_POSTGRESQL, CEILING)
    return [
        Work("pull", [Row("pull a 1 MiB image, 8 workers")], contenders, _pull, _fill, is_counted=True),
        Work("push", [Row("push a 1 MiB image, 8 workers")], contenders, _push, _make, is_counted=True),
    ]


def _fill(run: Run, server: Server) -> None:
    if run.repository(server, _PULLED):
        run.generator.ask("push", server, _PULLED, count=_IMAGES, first=_FIRST)


def _pull(run: Run, server: Server) -> list[Found]:
    found = run.generator.ask("pull", server, _PULLED, count=_IMAGES, first=_FIRST, duration=run.sizes.duration)
    return [rate(found)]


def _make(run: Run, server: Server) -> None:
    run.repository(server, _PUSHED)


def _push(run: Run, server: Server) -> list[Found]:
    return [rate(pushed(run, server, _PUSHED))]


def pushed(run: Run, server: Server, repository: str) -> dict[str, float]:
    """Push new images for a round."""
    count = run.sizes.most_pushes
    first = run.fresh(count)
    return dict(
        run.generator.ask(
            "push", server, repository, count=count, first=first, tag=f"t{first}-", duration=run.sizes.duration
        )
    )
