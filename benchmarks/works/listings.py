"""Lists of tags and of referrers, and the smallest answer."""

from benchmarks.figures import Found, Row
from benchmarks.fleet import CEILING, DEBIANS, DISTRIBUTION, GRANIAN, OLAREG, OURS, REGISTRIES, ZOT
from benchmarks.generator import rate
from benchmarks.peers.running import Server
from benchmarks.works.work import Run, Sizes, Work

_LISTED, _REFERRED, _FIRST = "bench/listed", "bench/referred", 30_000
_LAYER_BYTES, _PAGE = 1024, 100
_CONTENDERS = (OURS, DEBIANS, DISTRIBUTION, ZOT, OLAREG)


def works(sizes: Sizes) -> list[Work]:
    """Return the works."""
    no_referrers = dict.fromkeys((DEBIANS, DISTRIBUTION), "it has no list of referrers")
    many = f"{sizes.listed:,} tags"
    return [
        Work("ping", [Row("GET /v2/")], (*REGISTRIES, GRANIAN, CEILING), _ping, is_counted=True),
        Work("tags-page", [Row(f"a page of {_PAGE} of {many}")], _CONTENDERS, _page, _fill, is_counted=True),
        Work("tags-all", [Row(f"all {many}")], _CONTENDERS, _all, _fill, is_counted=True),
        Work(
            "referrers",
            [Row(f"referrers, {sizes.referrers:,} of an image")],
            _CONTENDERS,
            _referrers,
            _refer,
            no_referrers,
            is_counted=True,
        ),
    ]


def _ping(run: Run, server: Server) -> list[Found]:
    return [rate(run.generator.ask("get", server, path="/v2/", duration=run.sizes.duration))]


def _fill(run: Run, server: Server) -> None:
    if run.repository(server, _LISTED):
        run.generator.ask("fill-tags", server, _LISTED, count=run.sizes.listed, size=_LAYER_BYTES, first=_FIRST)


def _page(run: Run, server: Server) -> list[Found]:
    path = f"/v2/{server.path(_LISTED)}/tags/list?n={_PAGE}"
    return [rate(run.generator.ask("get", server, path=path, duration=run.sizes.duration))]


def _all(run: Run, server: Server) -> list[Found]:
    path = f"/v2/{server.path(_LISTED)}/tags/list"
    return [rate(run.generator.ask("list", server, path=path, duration=run.sizes.duration))]


def _refer(run: Run, server: Server) -> None:
    if run.repository(server, _REFERRED):
        options = {"count": run.sizes.referrers, "size": _LAYER_BYTES, "first": _FIRST}
        run.generator.ask("fill-referrers", server, _REFERRED, **options)


def _referrers(run: Run, server: Server) -> list[Found]:
    options = {"size": _LAYER_BYTES, "first": _FIRST, "duration": run.sizes.duration}
    return [rate(run.generator.ask("referrers", server, _REFERRED, **options))]
