"""The load generator as Python calls it."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Found
from benchmarks.peers.running import Server

_LIMIT_SECONDS = 900


class Failed(Exception):
    """A request failed, or had a status that it should not have: the run ends."""


@dataclass(frozen=True)
class Generator:
    """One program for every work (benchmarks/loadgen)."""

    program: Path

    def run(self, work: str, **options: object) -> Mapping[str, Any]:
        """Let it work, and return what it printed."""
        words = [f"-{name.replace('_', '-')}={_text(value)}" for name, value in options.items()]
        done = subprocess.run(
            [self.program, work, *words], capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS
        )
        if done.returncode != 0:
            # Not the words: credentials are among them.
            raise Failed(done.stderr.strip()[-600:])
        found: Mapping[str, Any] = json.loads(done.stdout)
        return found

    def ask(self, work: str, server: Server, repository: str = "bench/app", **options: object) -> Mapping[str, Any]:
        """Let it ask a server of a repository, as that server's client."""
        known = {"address": server.address, "user": server.user, "key": server.key, "processes": server.process.pid}
        return self.run(work, **known, repository=server.path(repository), **options)


def rate(found: Mapping[str, Any]) -> Found:
    """Return operations a second."""
    return _found(found, found["rate"])


def megabytes(found: Mapping[str, Any]) -> Found:
    """Return megabytes a second."""
    return _found(found, found["megabytes_per_second"])


def _found(found: Mapping[str, Any], value: float) -> Found:
    return Found(value, found["operations"], found["server_cpu_ms"], found["other_cores"])


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
