"""`twinport verify`: every blob's bytes against its row and its digest, with progress."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from twinport.catalog import repositories, verification
from twinport.catalog.verification import Change, Scope
from twinport.config import Settings
from twinport.model.names import AccountId, RegionName, RepositoryName
from twinport.registry.verification import Finding, Pace
from twinport.upkeep.sites import NothingMeant, Site, opened
from twinport.upkeep.words import plural, size_of

_SHOWN_EVERY = timedelta(milliseconds=200)
_NAMED = 100


@dataclass(frozen=True, slots=True)
class Damaged:
    """A damaged blob and where it is missed."""

    region: RegionName
    finding: Finding
    repositories: tuple[str, ...]


@dataclass
class Report:
    """What was looked at, and what was found."""

    blobs: int = 0
    size: int = 0
    damaged: list[Damaged] = field(default_factory=list)
    released: list[tuple[RegionName, str]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        for each in self.damaged:
            blob, damage = each.finding.blob, each.finding.damage
            yield f"{each.region}  {blob.digest}  {damage.value if damage else ''}  {', '.join(each.repositories)}"
        for region, digest in self.released:
            yield f"{region}  {digest}  whole again"
        state = f"{len(self.damaged)} damaged and in quarantine" if self.damaged else "all whole"
        yield f"{plural(self.blobs, 'blob')}, {size_of(self.size)}: {state}"

    def json(self) -> str:
        damaged = [
            {
                "region": each.region,
                "digest": str(each.finding.blob.digest),
                "key": each.finding.blob.key,
                "bytes": each.finding.blob.size,
                "damage": each.finding.damage.value if each.finding.damage else None,
                "repositories": list(each.repositories),
            }
            for each in self.damaged
        ]
        released = [{"region": region, "digest": digest} for region, digest in self.released]
        facts = {"blobs": self.blobs, "bytes": self.size, "damaged": damaged, "released": released}
        return json.dumps(facts, indent=1)


async def verify(
    settings: Settings, regions: Sequence[str], account: str | None, repository: str | None, rate: int | None
) -> Report:
    """Look at every blob that is meant. Raises RegionNeverUsed, NothingMeant."""
    report, shown = Report(), Progress()
    scope = Scope(AccountId(account) if account else None, RepositoryName(repository) if repository else None)
    async with opened(settings) as site:
        meant = await site.regions(regions)
        await _require_something(site, meant, scope)
        for region in meant:
            async for finding in site.verification.verify_all(region, scope, Pace(rate)):
                await _add(site, report, region, finding)
                shown.show(report)
    shown.end()
    return report


@dataclass
class Progress:
    """One line on a terminal that is written over and over; elsewhere nothing."""

    shown_at: float = 0.0

    def show(self, report: Report) -> None:
        if sys.stderr.isatty() and monotonic() - self.shown_at > _SHOWN_EVERY.total_seconds():
            self.shown_at = monotonic()
            sys.stderr.write(f"\r\033[K{plural(report.blobs, 'blob')}, {size_of(report.size)}")
            sys.stderr.flush()

    def end(self) -> None:
        if self.shown_at:
            sys.stderr.write("\r\033[K")


async def _require_something(site: Site, regions: Sequence[RegionName], scope: Scope) -> None:
    """Do not call whole what is only misspelt."""
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
    # What went or was healed while it was looked at is not damaged.
    if finding.damage is not None and finding.change is not Change.GONE:
        held = await site.catalog.region(region).read(lambda db: verification.holders(db, finding.blob.digest, _NAMED))
        report.damaged.append(Damaged(region, finding, tuple(f"{account}/{name}" for account, name in held)))
