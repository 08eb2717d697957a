"""`twinport gc`: lists garbage with the reason for each item, and on request deletes it with the server's own code."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from twinport.blobs.store import PARTS, BlobReader
from twinport.catalog.guarded import pauses_garbage
from twinport.catalog.ports import Connection
from twinport.catalog.regional import candidates
from twinport.catalog.regional.candidates import Candidate, Kind
from twinport.model.content import Key
from twinport.model.names import RegionName
from twinport.refusals.storage import BlobMissing
from twinport.registry.garbage import Swept
from twinport.settings.loading import Settings
from twinport.upkeep.maintenance import GarbagePaused
from twinport.upkeep.sites import Site, opened
from twinport.upkeep.words import plural, size_of

_WHY = {
    Kind.UPLOAD: "nothing was added to it",
    Kind.LAYER: "no image of its repository names it",
    Kind.BLOB: "no repository holds it, or none will after those layers are deleted",
    Kind.BYTES: "no row names it",
    Kind.ORPHAN: "an orphaned file: neither a row nor a note names it",
}
# What the totals call a kind, where its own word does not do.
_NOUNS = {Kind.ORPHAN: "orphaned file"}
# The report shows when a blob was stored, and since when anything else has been unused.
_SINCE = {Kind.BLOB: "stored"}


@dataclass
class Plan:
    """What garbage collection would delete, Region by Region."""

    found: list[tuple[RegionName, Candidate]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(candidate.size for _, candidate in self.found)

    def lines(self) -> Iterator[str]:
        for region, each in self.found:
            where, what = each.repository or "-", f"{size_of(each.size):>10}"
            since = f"{_SINCE.get(each.kind, 'since')} {each.since:%Y-%m-%d %H:%M:%S}"
            yield f"{region}  {each.kind.value:<7} {what}  {where}  {each.name}  ({_WHY[each.kind]}, {since})"
        counts = {kind: sum(each.kind is kind for _, each in self.found) for kind in Kind}
        listed = ", ".join(plural(count, _NOUNS.get(kind, kind.value)) for kind, count in counts.items() if count)
        yield f"would free {size_of(self.size)}: {listed or 'there is no garbage'}"

    def json(self) -> str:
        found = [
            {
                "region": region,
                "kind": each.kind.value,
                "name": each.name,
                "repository": each.repository or None,
                "bytes": each.size,
                "since": each.since.isoformat(),
                "why": _WHY[each.kind],
            }
            for region, each in self.found
        ]
        return json.dumps({"deleted": False, "bytes": self.size, "candidates": found}, indent=1)


@dataclass
class Done:
    """What was deleted. Orphaned files are only noted now. They are deleted once readers have had time to finish."""

    swept: Swept = field(default_factory=Swept)
    orphans: int = 0

    def lines(self) -> Iterator[str]:
        emptied = f"{plural(self.swept.repositories, 'repository')}, " if self.swept.repositories else ""
        yield (
            f"gone: {emptied}{plural(self.swept.uploads, 'upload')}, {plural(self.swept.layers, 'layer')}, "
            f"{plural(self.swept.blobs, 'blob')}, {plural(self.swept.keys, 'file')}"
        )
        if self.orphans or self.swept.blobs or self.swept.uploads:
            yield "their files go once no client can be reading them (reader_grace): by the server, or here again"

    def json(self) -> str:
        return json.dumps({"deleted": True, **asdict(self.swept), "orphans": self.orphans}, indent=1)


async def plan(settings: Settings, regions: Sequence[str]) -> Plan:
    """Return what would be deleted now. Changes nothing."""
    planned = Plan()
    async with opened(settings) as site:
        for region in await site.regions(regions):
            planned.found += [(region, each) async for each in _found(site, settings, region)]
    return planned


async def delete(settings: Settings, regions: Sequence[str]) -> Done:
    """Delete what `plan` lists. Raises GarbagePaused."""
    done = Done()
    async with opened(settings) as site:
        if await pauses_garbage(site.catalog):
            raise GarbagePaused
        for region in await site.regions(regions):
            done.swept += await site.garbage.sweep(region)
            for part in PARTS:
                done.orphans += await site.orphans.collect(region, await site.orphans.find(region, part))
    return done


async def _found(site: Site, settings: Settings, region: RegionName) -> AsyncIterator[Candidate]:
    now, retention = await site.catalog.region(region).read(site.catalog.now), settings.retention
    store = site.stores.region(region)
    queries: tuple[tuple[Callable[[Connection, datetime], Iterator[Candidate]], datetime], ...] = (
        (candidates.uploads, now - retention.upload_expiry),
        (candidates.layers, now - retention.garbage_delay),
        (candidates.blobs, now - retention.garbage_delay),
    )
    for query, before in queries:
        for each in await site.catalog.region(region).read(lambda db, q=query, b=before: list(q(db, b))):  # type: ignore[misc]
            yield each
    before = now - retention.reader_grace
    for each in await site.catalog.region(region).read(lambda db: list(candidates.discarded(db, before))):
        yield Candidate(each.kind, each.name, await _size_of(store, Key(each.name)), each.since)
    for part in PARTS:
        for file in await site.orphans.find(region, part):
            yield Candidate(Kind.ORPHAN, file.key, file.size, file.written_at)


async def _size_of(store: BlobReader, key: Key) -> int:
    try:
        return await store.size(key)
    except BlobMissing:
        return 0
