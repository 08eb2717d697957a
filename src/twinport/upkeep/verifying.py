"""`twinport verify`: compares the bytes of every blob and manifest with its row and digest, and shows progress."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Protocol, TypeVar

from twinport.blobs.throughput_limit import ThroughputLimit
from twinport.catalog.engine import integrity
from twinport.catalog.engine.integrity import Condition
from twinport.catalog.ports import Connection
from twinport.catalog.regional import repositories, tag_statuses, untagged, verification
from twinport.catalog.regional.verification import Change, Scope
from twinport.model.content import Damage, Digest, Key
from twinport.model.names import AccountId, RegionName, RepositoryName
from twinport.refusals.storage import DatabaseUnreadable
from twinport.registry.manifest_verification import ManifestFinding
from twinport.registry.verification import Finding
from twinport.settings.loading import Settings
from twinport.upkeep.sites import NothingMeant, Site, opened
from twinport.upkeep.words import plural, size_of

T = TypeVar("T")
_SHOWN_EVERY = timedelta(milliseconds=200)
_NAMED = 100
_PARTITION = "partition"


class ReadableDatabase(Protocol):
    """The database of the partition or of a Region."""

    async def read(self, query: Callable[[Connection], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Damaged:
    """A damaged blob or manifest, and some of the repositories that hold it. A manifest has no key."""

    region: RegionName
    kind: str
    digest: Digest
    size: int
    damage: Damage
    repositories: tuple[str, ...]
    key: Key | None = None

    def json(self) -> dict[str, object]:
        named = {"region": self.region, "kind": self.kind, "digest": str(self.digest), "key": self.key}
        return {**named, "bytes": self.size, "damage": self.damage.value, "repositories": list(self.repositories)}


@dataclass(frozen=True, slots=True)
class BrokenDatabase:
    """A problem of a database itself: the partition's, or a Region's."""

    database: str
    problem: str


@dataclass
class Report:
    """What was checked, and what was found. `unchecked` has the reasons why databases could not be checked in full."""

    blobs: int = 0
    manifests: int = 0
    size: int = 0
    damaged: list[Damaged] = field(default_factory=list)
    broken: list[BrokenDatabase] = field(default_factory=list)
    unchecked: dict[str, str] = field(default_factory=dict)
    released: list[tuple[RegionName, str]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not (self.damaged or self.broken)

    def lines(self) -> Iterator[str]:
        for broken in self.broken:
            yield f"{broken.database}  database  {broken.problem}"
        for database, reason in self.unchecked.items():
            yield f"{database}  database  not checked: {reason}"
        for each in self.damaged:
            what = f"{each.kind} {each.digest}"
            yield f"{each.region}  {what}  {each.damage.value}  {', '.join(each.repositories)}"
        for region, digest in self.released:
            yield f"{region}  blob {digest}  whole again"
        yield f"{self.seen}: {self._state}"

    @property
    def _state(self) -> str:
        if self.broken:
            databases = len({each.database for each in self.broken})
            repair = "restore a copy, or repair them with the tools of their engine"
            return f"{len(self.damaged)} damaged, and {plural(databases, 'database')} not whole: {repair}"
        return f"{len(self.damaged)} damaged, served to no client" if self.damaged else "all whole"

    @property
    def seen(self) -> str:
        return f"{plural(self.blobs, 'blob')} and {plural(self.manifests, 'manifest')}, {size_of(self.size)}"

    def json(self) -> str:
        damaged = [each.json() for each in self.damaged]
        released = [{"region": region, "digest": digest} for region, digest in self.released]
        seen = {"blobs": self.blobs, "manifests": self.manifests, "bytes": self.size}
        databases = {"broken": [asdict(each) for each in self.broken], "unchecked": self.unchecked}
        return json.dumps({**seen, "damaged": damaged, "released": released, "databases": databases}, indent=1)


async def verify(
    settings: Settings, regions: Sequence[str], account: str | None, repository: str | None, rate: int | None
) -> Report:
    """Check every selected blob and manifest. Raises RegionNeverUsed, NothingMeant."""
    report, shown = Report(), Progress()
    scope = Scope(AccountId(account) if account else None, RepositoryName(repository) if repository else None)
    async with opened(settings) as site:
        meant = await site.regions(regions)
        await _check(report, _PARTITION, site.catalog.partition)
        await _require_something(site, meant, scope)
        for region in meant:
            await _check(report, region, site.catalog.region(region))
            await _check_lists(report, region, site.catalog.region(region))
            await _verify_region(site, report, shown, Wanted(region, scope, rate))
    shown.end()
    return report


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to verify in a Region, and how many bytes a second the check may read."""

    region: RegionName
    scope: Scope
    rate: int | None


async def _verify_region(site: Site, report: Report, shown: "Progress", wanted: Wanted) -> None:
    """Check manifests and blobs, as far as the database can be read."""
    region, scope = wanted.region, wanted.scope
    try:
        async for seen in site.verification.manifests.verify_all(region, scope, ThroughputLimit(wanted.rate)):
            _add_manifest(report, region, seen)
            shown.show(report)
        async for finding in site.verification.verify_all(region, scope, ThroughputLimit(wanted.rate)):
            await _add(site, report, region, finding)
            shown.show(report)
    except DatabaseUnreadable as refusal:
        report.broken.append(BrokenDatabase(region, refusal.message))


async def _check(report: Report, name: str, database: ReadableDatabase) -> None:
    """Check a database itself."""
    try:
        condition = await database.read(integrity.check)
    except DatabaseUnreadable as refusal:
        condition = Condition((refusal.message,))
    report.broken += [BrokenDatabase(name, problem) for problem in condition.problems]
    if condition.unchecked is not None:
        report.unchecked[name] = condition.unchecked


async def _check_lists(report: Report, name: str, database: ReadableDatabase) -> None:
    """Check the rows that lists of images are read from, in a database that is whole otherwise."""
    if any(each.database == name for each in report.broken):
        return
    try:
        problems = await database.read(_wrong_lists)
    except DatabaseUnreadable as refusal:
        problems = [refusal.message]
    report.broken += [BrokenDatabase(name, problem) for problem in problems]


def _wrong_lists(db: Connection) -> list[str]:
    with integrity.unhurried(db):
        images, tags = untagged.wrong(db), tag_statuses.wrong(db)
    problems: list[str] = []
    if images:
        problems.append(f"table 'untagged_image' is wrong about {plural(images, 'image')}: it lists those without tags")
    if tags:
        problems.append(f"table 'tag' is wrong about {plural(tags, 'tag')}: it has the status of their images")
    return problems


@dataclass
class Progress:
    """A progress line on a terminal, rewritten in place. Without a terminal it shows nothing."""

    shown_at: float = 0.0

    def show(self, report: Report) -> None:
        if sys.stderr.isatty() and monotonic() - self.shown_at > _SHOWN_EVERY.total_seconds():
            self.shown_at = monotonic()
            sys.stderr.write(f"\r\033[K{report.seen}")
            sys.stderr.flush()

    def end(self) -> None:
        if self.shown_at:
            sys.stderr.write("\r\033[K")


async def _require_something(site: Site, regions: Sequence[RegionName], scope: Scope) -> None:
    """Raise NothingMeant for a misspelled repository name, so that it does not count as free of damage."""
    name = scope.repository
    if name is None:
        return
    for region in regions:
        if await site.catalog.region(region).read(lambda db: repositories.is_anywhere(db, name, scope.account)):
            return
    raise NothingMeant(name, scope.account)


async def _add(site: Site, report: Report, region: RegionName, finding: Finding) -> None:
    report.blobs += 1
    report.size += finding.blob.size
    if finding.change is Change.RELEASED:
        report.released.append((region, str(finding.blob.digest)))
    # An item that was deleted or repaired during the check is not damaged.
    if finding.damage is not None and finding.change is not Change.GONE:
        held = await site.catalog.region(region).read(lambda db: verification.holders(db, finding.blob.digest, _NAMED))
        names = tuple(f"{account}/{name}" for account, name in held)
        blob = finding.blob
        report.damaged.append(Damaged(region, "blob", blob.digest, blob.size, finding.damage, names, blob.key))


def _add_manifest(report: Report, region: RegionName, finding: ManifestFinding) -> None:
    manifest = finding.manifest
    report.manifests += 1
    report.size += manifest.size
    if finding.is_damaged:
        names = (f"{manifest.account}/{manifest.repository}",)
        report.damaged.append(Damaged(region, "manifest", manifest.digest, manifest.size, Damage.WRONG_DIGEST, names))
