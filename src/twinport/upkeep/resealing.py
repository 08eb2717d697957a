"""`twinport keys`: which key seals the stored secrets, and how they come to be sealed with the key in use."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from twinport.access import sealing
from twinport.access.sealing import KeyLines, SealBroken, Sealer, key_id_of
from twinport.catalog import sealed
from twinport.catalog.ports import Catalog
from twinport.catalog.sealed import OF_PARTITION, OF_REGION, Sealed, SealedColumn
from twinport.clock import WallClock, WorldClock
from twinport.composition.databases import check_begun, join_catalog, sealer_of
from twinport.errors import ConfigurationWrong
from twinport.model.names import RegionName
from twinport.settings.loading import Settings
from twinport.upkeep.words import plural

# Few enough for a transaction that delays no client.
_BATCH = 100


@dataclass
class KeysReport:
    """How many secrets each key seals, by its id. `keys` are this host's, and the first of them is in use.

    `changed` secrets were sealed again. `broken` are the purposes of secrets that no key of this host opens.
    """

    keys: Sequence[str]
    counts: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.broken and self.counts.keys() <= set(self.keys)

    def lines(self) -> Iterator[str]:
        if self.changed:
            yield f"sealed {plural(self.changed, 'secret')} again"
        for number, key in enumerate(self.keys):
            use = "seals and opens" if number == 0 else "opens"
            free = "; it may go, unless it is about to be used" if number and not self.counts[key] else ""
            yield f"{key}  {use}, seals {plural(self.counts[key], 'stored secret')}{free}"
        for key in sorted(self.counts.keys() - set(self.keys)):
            yield f"{key}  is no key of this host, and seals {plural(self.counts[key], 'stored secret')}"
        yield from (f"does not open: {each}" for each in self.broken)

    def json(self) -> str:
        keys = [{"id": key, "secrets": self.counts[key]} for key in self.keys]
        others = [{"id": key, "secrets": self.counts[key]} for key in sorted(self.counts.keys() - set(self.keys))]
        return json.dumps({"keys": keys, "unknown": others, "changed": self.changed, "broken": self.broken}, indent=1)


async def show(settings: Settings) -> KeysReport:
    """Count what each key seals. Raises what `join_catalog` does."""
    async with _opened(settings) as resealing:
        return await resealing.counted()


async def reseal(settings: Settings) -> KeysReport:
    """Seal again with the key in use what another key seals, then count. Raises what `join_catalog` does."""
    async with _opened(settings) as resealing:
        changed, broken = await resealing.run()
        report = await resealing.counted()
        report.changed, report.broken = changed, broken
        return report


def add(settings: Settings) -> str:
    """Add a key to the data folder's key file. Return its id. Raises what `sealing.add_key` and `check_begun` do."""
    return sealing.add_key(_folder(settings))


def use(settings: Settings, key_id: str) -> None:
    """Have a key of the data folder's key file seal. Raises KeyLines if the file has no such key, and as `add`."""
    sealing.use_key(_folder(settings), key_id)


async def drop(settings: Settings, key_id: str) -> None:
    """Remove a key from the data folder's key file. Raises KeyLines if it seals a stored secret, and as `add`."""
    folder, report = _folder(settings), await show(settings)
    if count := report.counts[key_id]:
        raise KeyLines(f"the key '{key_id}' seals {plural(count, 'stored secret')}: run 'twinport keys reseal' first")
    sealing.drop_key(folder, key_id)


def _folder(settings: Settings) -> Path:
    """Return the folder of the key file. Raises ConfigurationWrong if the keys are in the settings."""
    check_begun(settings)
    if settings.sealing_keys is not None:
        name = "sealing_key" if settings.sealing_key_file is None else "sealing_key_file"
        raise ConfigurationWrong([f"'{name}' has the keys: change its lines, and start every process again"])
    return settings.data


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator["Resealing"]:
    catalog = join_catalog(settings, WorldClock(WallClock()))
    try:
        yield Resealing(catalog, sealer_of(settings))
    finally:
        catalog.close()


@dataclass(frozen=True, slots=True)
class Resealing:
    """Seals stored secrets again, beside servers and other resealings. One that breaks off leaves what it has done.

    A secret is replaced only while it is as it was read, so that none is lost that came or went meanwhile.
    """

    catalog: Catalog
    sealer: Sealer

    async def run(self) -> tuple[int, list[str]]:
        """Return how many secrets were sealed again, and the purposes of those that do not open."""
        changed, broken = 0, list[str]()
        async for region, column, batch in self._batches():
            changes = list(self._changes(region, column, batch, broken))
            if changes:
                changed += await self._write(region, partial(sealed.replace, column=column, changes=changes))
        return changed, broken

    async def counted(self) -> KeysReport:
        report = KeysReport(self.sealer.key_ids)
        async for _, _, batch in self._batches():
            report.counts.update(key_id_of(each.secret) for each in batch)
        return report

    def _changes(
        self, region: RegionName | None, column: SealedColumn, batch: Sequence[Sealed], broken: list[str]
    ) -> Iterator[tuple[Sealed, str]]:
        """Yield what replaces the secrets that another key seals. Add those that do not open to `broken`."""
        for each in batch:
            if key_id_of(each.secret) == self.sealer.key_id:
                continue
            place = column.purpose if region is None else f"{column.purpose} {region}"
            purpose = f"{place} {each.name}"
            try:
                yield each, self.sealer.seal(self.sealer.open(each.secret, purpose), purpose)
            except SealBroken:
                broken.append(purpose)

    async def _batches(self) -> AsyncIterator[tuple[RegionName | None, SealedColumn, list[Sealed]]]:
        for column in OF_PARTITION:
            async for batch in self._of(None, column):
                yield None, column, batch
        for region in await self.catalog.regions():
            async for batch in self._of(region, OF_REGION):
                yield region, OF_REGION, batch

    async def _of(self, region: RegionName | None, column: SealedColumn) -> AsyncIterator[list[Sealed]]:
        database = self.catalog.partition if region is None else self.catalog.region(region)
        name = ""
        while batch := await database.read(partial(sealed.after, column=column, name=name, most=_BATCH)):
            yield batch
            name = batch[-1].name

    async def _write(self, region: RegionName | None, transaction: "partial[int]") -> int:
        if region is None:
            return await self.catalog.partition.record(transaction)
        return await self.catalog.region(region).write(transaction)
