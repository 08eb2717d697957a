"""Killing a real server just before a system call that a test chooses, and counting those there are to choose."""

import random
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.journeys.disks import straced

# Each is begun by one thread at a time, as far as it is a thread's own doing: strace counts thread by thread.
# The store joins the parts of an upload by copy_file_range.
# SQLite writes by pwrite64 and syncs by fdatasync; what is said to PostgreSQL, COMMIT too, goes out by sendto.
CALLS = ("openat", "write", "copy_file_range", "fsync", "unlink", "mkdir", "pwrite64", "fdatasync", "sendto")
_CALL = re.compile(r"^(\d+) +(\w+)\(")


@dataclass(frozen=True, slots=True)
class Point:
    """Just before a thread's n-th call of this kind; with a file, of those on it."""

    call: str
    file: Path | None
    n: int

    def __str__(self) -> str:
        return f"{self.call} {self.n}" + (f" of {self.file.parent.name}/{self.file.name}" if self.file else "")


def points_of(pid: int, act: Callable[[], None], folder: Path, databases: list[Path]) -> list[Point]:
    """Let an act come to its end, and return the points at which it could have been killed."""
    trace = folder / "counted"
    with straced(pid, "-y", "-e", f"trace={','.join(CALLS)}", "-o", str(trace)):
        act()
    lines = [line for line in trace.read_text().splitlines() if _CALL.match(line)]
    of_blobs = [line for line in lines if not any(f"{file}" in line for file in databases)]
    found = _points(of_blobs, None)
    for file in databases:
        found += _points([line for line in lines if f"<{file}>" in line], file)
    return found


def chosen(points: list[Point], wanted: str, seed: int) -> list[Point]:
    """Choose some of the points, in turn of each kind, or take `all`."""
    if wanted == "all":
        return points
    rng = random.Random(seed)
    kinds: dict[object, list[Point]] = {}
    for point in rng.sample(points, len(points)):
        kinds.setdefault((point.call, point.file), []).append(point)
    in_turn = [point for together in zip_longest(*kinds.values()) for point in together if point is not None]
    return in_turn[: int(wanted)]


def killing(pid: int, point: Point) -> AbstractContextManager[None]:
    """Kill a process just before a point that it may come to."""
    path = ["-P", str(point.file)] if point.file else []
    words = [*path, "-e", f"trace={point.call}", "-e", f"inject={point.call}:signal=KILL:when={point.n}"]
    return straced(pid, *words, "-o", "/dev/null")


def _points(lines: list[str], file: Path | None) -> list[Point]:
    """Count the calls of each kind thread by thread; the thread that makes most of them comes to each number first."""
    counts = Counter(match.groups() for line in lines if (match := _CALL.match(line)))
    most: dict[str, int] = {}
    for (_, call), number in counts.items():
        most[call] = max(most.get(call, 0), number)
    return [Point(call, file, n + 1) for call, number in sorted(most.items()) for n in range(number)]
