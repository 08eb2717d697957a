"""What a work is, how large it is, and what it needs of a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Found, Row
from benchmarks.fleet import Fleet
from benchmarks.generator import Generator
from benchmarks.peers import counted
from benchmarks.peers.counted import Counts
from benchmarks.peers.running import Server

MIB = 1 << 20


@dataclass(frozen=True)
class Sizes:
    """How much is asked, and for how many seconds a round."""

    seconds: float
    images: int
    tags: int
    listed: int
    referrers: int
    blob_mib: int
    read_mib: int
    copies: int
    late: int

    @property
    def duration(self) -> str:
        """Return the seconds of a round as the generator reads them."""
        return f"{self.seconds}s"

    @property
    def most_pushes(self) -> int:
        """Return how many images are made for a round of pushes: more than any server takes."""
        return int(self.seconds * 400) + 20


WHOLE = Sizes(
    3.0, images=100, tags=500, listed=10_000, referrers=1_000, blob_mib=1024, read_mib=64, copies=200, late=100
)
QUICK = Sizes(0.5, images=20, tags=50, listed=200, referrers=50, blob_mib=64, read_mib=64, copies=16, late=10)
SMOKE = Sizes(0.1, images=3, tags=5, listed=5, referrers=3, blob_mib=2, read_mib=1, copies=3, late=2)


@dataclass
class Run:
    """One run of the benchmark."""

    fleet: Fleet
    generator: Generator
    sizes: Sizes
    # Where our server counts its statements, in rounds that are for that.
    counting: Path | None = None
    # Images that were pushed under a rule, by contender.
    totals: dict[str, int] = field(default_factory=dict)
    _next: int = 1_000_000
    _prepared: set[tuple[str, str]] = field(default_factory=set)

    def fresh(self, count: int) -> int:
        """Return the number of the first of so many layers that no server has."""
        first, self._next = self._next, self._next + count
        return first

    def counts(self) -> Counts:
        """Return how many statements our server has counted so far, if it is one that counts."""
        return Counts(0, 0) if self.counting is None else counted.read(self.counting)

    def is_first(self, server: Server, what: str) -> bool:
        """Tell whether this is asked for the first time."""
        is_first = (server.name, what) not in self._prepared
        self._prepared.add((server.name, what))
        return is_first

    def repository(self, server: Server, name: str) -> bool:
        """Make a repository if it is not there, and tell whether it is new."""
        if is_new := self.is_first(server, name):
            server.make_repository(name)
        return is_new


def _nothing(_run: Run, _server: Server) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Work:
    """What is asked of several contenders. A round finds a figure for each row."""

    name: str
    rows: Sequence[Row]
    contenders: Sequence[str]
    measure: Callable[[Run, Server], Sequence[Found]]
    prepare: Callable[[Run, Server], None] = _nothing
    # Contenders that cannot do it, and why.
    lacking: Mapping[str, str] = field(default_factory=dict)
    # Whether our server's statements are counted in a round of its own.
    is_counted: bool = False
