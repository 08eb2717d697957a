"""The embedded catalog: a data folder with `global.db`, and `catalog.db` for each Region that was written to."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from twinport.catalog import schema
from twinport.catalog.database import Database, SqliteDatabase
from twinport.clock import Clock
from twinport.model.content import Key
from twinport.model.names import RegionName

T = TypeVar("T")


class PartitionDatabase(Protocol):
    """IAM's database. Each `write` advances the generation, which voids cached decisions."""

    async def read(self, query: Callable[[Connection], T]) -> T: ...

    async def write(self, transaction: Callable[[Connection], T]) -> T: ...

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        """Write what changes no decision (sessions, last-used times, task progress): the generation stays."""
        ...

    async def generation(self) -> int: ...


class Catalog(Protocol):
    """Every database of this deployment."""

    @property
    def partition(self) -> PartitionDatabase: ...

    def region(self, name: RegionName) -> Database:
        """Return a Region's database. Reading one that was never written sees it empty and creates nothing."""
        ...

    async def regions(self) -> list[RegionName]:
        """List the Regions that were ever written to."""
        ...


class EmbeddedCatalog:
    """SQLite files beneath one folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self.partition = _EmbeddedPartition(SqliteDatabase(folder / "global.db", schema.partition))
        self._empty = SqliteDatabase(Path(":memory:"), schema.regional)
        self._regions: dict[RegionName, _EmbeddedRegion] = {}

    def region(self, name: RegionName) -> Database:
        if name not in self._regions:
            path = self._folder / "regions" / name / "catalog.db"
            self._regions[name] = _EmbeddedRegion(name, path, self)
        return self._regions[name]

    async def regions(self) -> list[RegionName]:
        rows = await self.partition.read(lambda db: db.execute(select(schema.region.c.name)).scalars().all())
        return sorted(RegionName(name) for name in rows)

    async def clear(self) -> dict[RegionName, list[Key]]:
        """Forget everything, Region by Region, then IAM. Histories begin new epochs.

        Returns the keys whose bytes no row names any more. Bytes that a request under way has written and not yet
        recorded are not among them.
        """
        forgotten = {name: await self.region(name).write(self._clear_region) for name in await self.regions()}
        await self.partition.write(_clear_partition)
        return forgotten

    def close(self) -> None:
        for region in self._regions.values():
            region.close()
        self._empty.close()
        self.partition.close()

    def _clear_region(self, db: Connection) -> list[Key]:
        columns = (schema.blob.c.key, schema.upload_segment.c.key, schema.offer_blob.c.key, schema.discarded_key.c.key)
        keys = {Key(key) for column in columns for key in db.execute(select(column)).scalars()}
        for table in reversed(schema.regional.sorted_tables):
            if table is not schema.history:
                db.execute(table.delete())
        db.execute(update(schema.history).values(epoch=self.new_epoch()))
        return sorted(keys)

    def new_epoch(self) -> int:
        """Return an epoch greater than every earlier one of this deployment: milliseconds since 1970."""
        return int(self._clock.now().timestamp() * 1000)


class _EmbeddedPartition:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self._database.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        def advancing(db: Connection) -> T:
            db.execute(
                upsert(schema.generation)
                .values(id=1, value=1)
                .on_conflict_do_update(index_elements=["id"], set_={"value": schema.generation.c.value + 1})
            )
            return transaction(db)

        return await self._database.write(advancing)

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        return await self._database.write(transaction)

    async def generation(self) -> int:
        return await self._database.read(_generation)

    def close(self) -> None:
        self._database.close()


class _EmbeddedRegion:
    """Opens its file at the first write, or at a read once the file is there."""

    def __init__(self, name: RegionName, path: Path, catalog: EmbeddedCatalog) -> None:
        self._name, self._path, self._catalog = name, path, catalog
        self._database: SqliteDatabase | None = None

    async def read(self, query: Callable[[Connection], T]) -> T:
        if self._database is None and self._path.exists():
            self._database = SqliteDatabase(self._path, schema.regional)
        return await (self._database or self._catalog._empty).read(query)  # noqa: SLF001 — of this module

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        if self._database is None:
            # Law of section 7: the partition lists a Region before that Region's first write.
            await self._catalog.partition.record(self._list_region)
            self._database = SqliteDatabase(self._path, schema.regional)
            await self._database.write(self._begin_history)
        return await self._database.write(transaction)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _begin_history(self, db: Connection) -> None:
        db.execute(upsert(schema.history).values(id=1, epoch=self._catalog.new_epoch()).on_conflict_do_nothing())

    def _list_region(self, db: Connection) -> None:
        row = {"name": self._name, "created_at": self._catalog._clock.now()}  # noqa: SLF001 — of this module
        db.execute(upsert(schema.region).values(row).on_conflict_do_nothing())


_GENERATION = select(schema.generation.c.value)


def _generation(db: Connection) -> int:
    return db.execute(_GENERATION).scalar() or 0


def _clear_partition(db: Connection) -> None:
    for table in reversed(schema.partition.sorted_tables):
        if table not in (schema.generation, schema.site_key, schema.region):
            db.execute(table.delete())
