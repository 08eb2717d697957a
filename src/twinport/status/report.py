"""The report of `twinport status`: facts, their meaning, and the exit code for scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import Enum

from twinport.model.printable import printable
from twinport.status.own_server import Readiness

# If a copy waits longer than this, replication is behind: an attempt and its retries take less.
LONGEST_WAIT = timedelta(minutes=15)


class Standing(Enum):
    """What a finding means. The value is the exit code. If several apply, the first in this order decides."""

    UNREADY = 4
    NEEDS_A_PERSON = 5
    BEHIND = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, in one sentence."""

    standing: Standing
    sentence: str


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """A process on the folder. `is_alive` is None for a process of another host. `pid` is None if unknown here."""

    kind: str
    pid: int | None
    is_alive: bool | None


@dataclass(frozen=True, slots=True)
class RegionFacts:
    """A Region's open deliveries. Counts stop at a bound; `is_partial` tells whether they did."""

    region: str
    waiting: int
    oldest_seconds: float | None
    failed: int
    damaged: int
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Disk:
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    """A deployment's current status.

    `orders` are what the operator ordered and did not end: read-only mode, a pause of garbage collection.
    `has_server_told`: a running server reported for which clients accounts are open. Otherwise the settings say so.
    """

    version: str
    server: Readiness
    data: str
    database: str
    database_answers: bool
    accounts: str
    has_server_told: bool
    disk: Disk | None
    processes: Sequence[ProcessFacts]
    regions: Sequence[RegionFacts]
    refusals: Sequence[Finding]
    orders: Sequence[str] = ()

    @property
    def findings(self) -> list[Finding]:
        """Return all problems, the most urgent first."""
        found = [*self.refusals, *_of_server(self.server), *_of_disk(self.disk)]
        found += [each for region in self.regions for each in _of_region(region)]
        order = list(Standing)
        return sorted(found, key=lambda finding: order.index(finding.standing))

    @property
    def exit_code(self) -> int:
        found = self.findings
        return found[0].standing.value if found else 0

    def values(self) -> Mapping[str, object]:
        """Return the whole report for programs."""
        found = self.findings
        return {
            "version": self.version,
            "state": found[0].standing.name.lower() if found else "well",
            "address": self.server.url,
            "answers": self.server.answers,
            "ready": self.server.is_ready,
            "data": self.data,
            "database": {"kind": self.database, "answers": self.database_answers},
            "accounts": self.accounts,
            "accounts_told_by": "server" if self.has_server_told else "settings",
            "disk": None if self.disk is None else asdict(self.disk),
            "processes": [asdict(each) for each in self.processes],
            "regions": [asdict(each) for each in self.regions],
            "orders": list(self.orders),
            "findings": [{"standing": each.standing.name.lower(), "sentence": each.sentence} for each in found],
        }

    def lines(self) -> list[str]:
        """Return the whole report for people."""
        answers = "answers" if self.database_answers else "does not answer"
        lines = [
            f"twinport {self.version}, {self.server.line()}",
            f"  accounts   {self.accounts}{'' if self.has_server_told else _BY_SETTINGS}",
            f"  database   {self.database}, {answers}",
            f"  folder     {self.data}{_free(self.disk)}",
            *[f"  order      {each}" for each in self.orders],
            *[f"  process    {_process_line(each)}" for each in self.processes],
            *[f"  region     {_region_line(each)}" for each in self.regions],
            *[f"{_MARKS[each.standing]}: {each.sentence}" for each in self.findings],
            *([] if self.findings else ["all is well"]),
        ]
        # Other servers and other users' folders may have written some of it.
        return list(map(printable, lines))


_BY_SETTINGS = " (by the settings of this command: no running server of this folder tells)"
_MARKS = {Standing.UNREADY: "not ready", Standing.NEEDS_A_PERSON: "needs a person", Standing.BEHIND: "behind"}
# Below both of these a disk counts as nearly full.
_LEAST_SHARE, _LEAST_FREE = 0.05, 1 << 30
_GIB = 1 << 30


def _of_server(server: Readiness) -> list[Finding]:
    if server.is_ready:
        return []
    what = "the server is not ready" if server.answers else "no server answers"
    return [Finding(Standing.UNREADY, f"{what} on {server.url}: {server.reason}")]


def _of_disk(disk: Disk | None) -> list[Finding]:
    is_nearly_full = disk is not None and disk.free_bytes < min(_LEAST_FREE, disk.total_bytes * _LEAST_SHARE)
    if disk is None or not is_nearly_full:
        return []
    return [Finding(Standing.NEEDS_A_PERSON, f"the disk is nearly full: {_size(disk.free_bytes)} are free")]


def _of_region(facts: RegionFacts) -> list[Finding]:
    found, at_least = [], "at least " if facts.is_partial else ""
    if facts.damaged:
        damaged = _counted(facts.damaged, "damaged blob", "damaged blobs")
        sentence = f"{at_least}{damaged} in quarantine: 'twinport verify' names what to push again"
        found.append(Finding(Standing.NEEDS_A_PERSON, f"{facts.region}: {sentence}"))
    if facts.failed:
        failed = _counted(facts.failed, "copy", "copies")
        sentence = f"{at_least}{failed} failed for good: 'twinport replication list' says why"
        found.append(Finding(Standing.NEEDS_A_PERSON, f"{facts.region}: {sentence}"))
    if facts.oldest_seconds is not None and facts.oldest_seconds > LONGEST_WAIT.total_seconds():
        age = timedelta(seconds=int(facts.oldest_seconds))
        sentence = f"{at_least}{_waiting(facts.waiting)}, the oldest for {age}"
        found.append(Finding(Standing.BEHIND, f"{facts.region}: {sentence}"))
    return found


def _process_line(process: ProcessFacts) -> str:
    standing = {True: "runs", False: "was killed", None: "of another host"}[process.is_alive]
    return f"{process.kind}, {standing}" + ("" if process.pid is None else f", process {process.pid}")


def _region_line(facts: RegionFacts) -> str:
    at_least = "at least " if facts.is_partial else ""
    age = "" if facts.oldest_seconds is None else f", the oldest for {timedelta(seconds=int(facts.oldest_seconds))}"
    return (
        f"{facts.region}: {at_least}{_waiting(facts.waiting)}{age}; {facts.failed} failed; "
        f"{_counted(facts.damaged, 'damaged blob', 'damaged blobs')}"
    )


def _waiting(count: int) -> str:
    return _counted(count, "copy waits", "copies wait")


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _free(disk: Disk | None) -> str:
    return "" if disk is None else f", {_size(disk.free_bytes)} of {_size(disk.total_bytes)} free"


def _size(count: int) -> str:
    return f"{count / _GIB:.1f} GiB"
