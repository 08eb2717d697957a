"""Replication to another Region on the same disk, beside crane between two registries."""

import os
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.figures import Found, Row
from benchmarks.fleet import DEBIANS, DISTRIBUTION, OURS, second
from benchmarks.generator import Failed, rate
from benchmarks.peers import go_programs
from benchmarks.peers.processes import processor_ms
from benchmarks.peers.running import Server
from benchmarks.peers.twinport import AWAY, Twinport
from benchmarks.works.images import pushed
from benchmarks.works.work import Run, Sizes, Work

# Images come without a rule; what mounts their layers is copied, so that pushes wait for copies and not the reverse.
_PLAIN, _COPIED, _AGAIN, _LATE, _RULED = "bench/plain", "bench/copied", "bench/again", "bench/late", "bench/ruled"
_CRANE_SECONDS, _WORKERS = 300, 8


def works(sizes: Sizes) -> list[Work]:
    """Return the works."""
    copying = [Row(f"copies of {sizes.copies} new 1 MiB images"), Row("copies of what the store has already")]
    ruled = [Row("push a 1 MiB image, rule on"), Row("pushes with a rule / pushes without", "x")]
    late = [
        Row("201 to pullable at the replica, idle, p50", "ms", less=True),
        Row("201 to pullable at the replica, idle, p99", "ms", less=True),
    ]
    return [
        Work("copies", copying, (OURS, DEBIANS, DISTRIBUTION), _copy, _prepare_copies, is_counted=True),
        Work("rule", ruled, (OURS,), _push, _prepare_rule),
        Work("latency", late, (OURS,), _late, _prepare_late),
    ]


def _prepare(run: Run, server: Server, *repositories: str) -> None:
    for name in repositories:
        run.repository(server, name)
    if isinstance(server, Twinport):
        server.replicate(_COPIED, _AGAIN, _LATE, _RULED)


def _prepare_copies(run: Run, server: Server) -> None:
    _prepare(run, server, _PLAIN, _COPIED, _AGAIN)
    if server.name != OURS:
        go_programs.program(go_programs.CRANE, may_build=run.fleet.may_build)
        run.fleet.server(second(server.name))


def _copy(run: Run, server: Server) -> list[Found]:
    count = run.sizes.copies
    first = run.fresh(count)
    if server.name == OURS:
        run.generator.ask("push", server, _PLAIN, count=count, first=first, tag=f"t{first}-")
        return [_replicated(run, server, name, first) for name in (_COPIED, _AGAIN)]
    source, target = f"{server.address}/bench/of-{first}", f"{run.fleet.server(second(server.name)).address}/bench"
    run.generator.ask("push", server, f"bench/of-{first}", count=count, first=first)
    return [_craned(run, server, source, f"{target}/{name}-{first}") for name in ("copied", "again")]


def _replicated(run: Run, server: Server, repository: str, first: int) -> Found:
    """Make images of layers that are there, and wait until all of them are at the replica."""
    count, tag = run.sizes.copies, f"t{first}-"
    counts, cpu, begun = run.counts(), processor_ms(server.process.pid), time.perf_counter()
    run.generator.ask("mount", server, repository, replica=server.path(_PLAIN), count=count, first=first, tag=tag)
    waited = run.generator.run(
        "wait", address=server.address, user=server.user, repository=server.path(repository, AWAY), count=count, tag=tag
    )
    took = time.perf_counter() - begun
    spent = (processor_ms(server.process.pid) - cpu) / count
    statements, writes = run.counts().since(counts, count)
    note = f"{waited['at_first']} there when the last push was answered"
    return Found(count / took, count, spent, note=note, statements=statements, writes=writes)


def _craned(run: Run, server: Server, source: str, target: str) -> Found:
    """Let crane copy a repository."""
    crane = go_programs.program(go_programs.CRANE, may_build=False)
    processes = [server.process.pid, run.fleet.server(second(server.name)).process.pid]
    cpu, begun = sum(map(processor_ms, processes)), time.perf_counter()
    words = [str(crane), "copy", "--insecure", "--all-tags", "--jobs", str(_WORKERS), source, target]
    # No login of the person that measures is needed, or tried.
    variables = {**os.environ, "DOCKER_CONFIG": str(run.fleet.folder)}
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False, timeout=_CRANE_SECONDS)
    took = time.perf_counter() - begun
    if done.returncode != 0:
        raise Failed(f"crane copy: {done.stderr.strip()[-300:]}")
    count = run.sizes.copies
    return Found(count / took, count, (sum(map(processor_ms, processes)) - cpu) / count, note="by crane")


def _prepare_rule(run: Run, server: Server) -> None:
    _prepare(run, server, _PLAIN, _RULED)


def _push(run: Run, server: Server) -> list[Found]:
    without = rate(pushed(run, server, _PLAIN))
    ruled = pushed(run, server, _RULED)
    run.generator.run(
        "wait",
        address=server.address,
        user=server.user,
        repository=server.path(_RULED, AWAY),
        count=_all_tags(run, server, ruled),
    )
    found = rate(ruled)
    return [found, Found(found.value / without.value)]


def _all_tags(run: Run, server: Server, ruled: Mapping[str, Any]) -> int:
    """Return how many images were pushed under the rule in all rounds."""
    run.totals[server.name] = run.totals.get(server.name, 0) + int(ruled["operations"])
    return run.totals[server.name]


def _prepare_late(run: Run, server: Server) -> None:
    _prepare(run, server, _LATE)


def _late(run: Run, server: Server) -> list[Found]:
    count = run.sizes.late
    first = run.fresh(count)
    replica = server.path(_LATE, AWAY)
    found = run.generator.ask("latency", server, _LATE, replica=replica, count=count, first=first, tag=f"t{first}-")
    return [Found(found["p50_ms"], count), Found(found["p99_ms"], count)]
