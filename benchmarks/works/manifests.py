"""HEAD and GET of a manifest by tag."""

from functools import partial

from benchmarks.figures import Found, Row
from benchmarks.fleet import CEILING, OURS_POSTGRESQL, REGISTRIES
from benchmarks.generator import rate
from benchmarks.peers.running import Server
from benchmarks.works.work import Run, Sizes, Work

_REPOSITORY, _LAYER_BYTES, _FIRST = "bench/tags", 1024, 1


def works(sizes: Sizes) -> list[Work]:
    """Return both works."""
    contenders = (*REGISTRIES, OURS_POSTGRESQL, CEILING)
    return [
        Work(
            f"{method}-manifest",
            [Row(f"{method.upper()} manifest by tag, {sizes.tags} tags")],
            contenders,
            partial(_ask, f"{method}-manifest"),
            _fill,
            is_counted=True,
        )
        for method in ("head", "get")
    ]


def _fill(run: Run, server: Server) -> None:
    if run.repository(server, _REPOSITORY):
        run.generator.ask("push", server, _REPOSITORY, count=run.sizes.tags, size=_LAYER_BYTES, first=_FIRST)


def _ask(work: str, run: Run, server: Server) -> list[Found]:
    found = run.generator.ask(work, server, _REPOSITORY, count=run.sizes.tags, duration=run.sizes.duration)
    return [rate(found)]
