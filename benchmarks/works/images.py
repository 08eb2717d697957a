"""Whole images of one layer of 1 MiB: pulled, and pushed durably."""

from collections.abc import Mapping
from typing import Any

from benchmarks.figures import Found, Row
from benchmarks.fleet import CEILING, DEBIANS, DISTRIBUTION, OURS, OURS_POSTGRESQL, REGISTRIES
from benchmarks.generator import rate
from benchmarks.peers.running import Server
from benchmarks.works.work import Run, Sizes, Work

_PULLED, _PUSHED = "bench/pulled", "bench/pushed"
_FIRST = 10_000


def works(_sizes: Sizes) -> list[Work]:
    """Return the works."""
    contenders = (*REGISTRIES, OURS_POSTGRESQL, CEILING)
    pulls, pushes = Row("pull a 1 MiB image, 8 workers"), Row("push a 1 MiB image, 8 workers")
    docker = Row("push as docker does: HEAD, POST, PATCH, PUT")
    return [
        Work("pull", [pulls], contenders, _pull, _fill, is_counted=True),
        Work("push", [pushes], contenders, _push, _make, is_counted=True),
        Work("docker-push", [docker], (OURS, DEBIANS, DISTRIBUTION), _push_as_docker, _make, is_counted=True),
    ]


def _fill(run: Run, server: Server) -> None:
    if run.repository(server, _PULLED):
        run.generator.ask("push", server, _PULLED, count=run.sizes.images, first=_FIRST)


def _pull(run: Run, server: Server) -> list[Found]:
    found = run.generator.ask(
        "pull", server, _PULLED, count=run.sizes.images, first=_FIRST, duration=run.sizes.duration
    )
    return [rate(found)]


def _make(run: Run, server: Server) -> None:
    run.repository(server, _PUSHED)


def _push(run: Run, server: Server) -> list[Found]:
    return [rate(pushed(run, server, _PUSHED))]


def _push_as_docker(run: Run, server: Server) -> list[Found]:
    return [rate(pushed(run, server, _PUSHED, patch=True))]


def pushed(run: Run, server: Server, repository: str, **options: object) -> Mapping[str, Any]:
    """Push new images for a round."""
    count = run.sizes.most_pushes
    first = run.fresh(count)
    options.update(count=count, first=first, tag=f"t{first}-", duration=run.sizes.duration)
    return run.generator.ask("push", server, repository, **options)
