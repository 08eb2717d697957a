"""How the databases of a deployment begin, count their generations and are forgotten: the same on either engine."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, select, update

from twinport.catalog import chores, partition_schema, regional_schema, statements
from twinport.catalog.database import Database
from twinport.model.content import Key
from twinport.model.names import RegionName

T = TypeVar("T")

_GENERATION = select(partition_schema.generation.c.value)


@dataclass(frozen=True, slots=True)
class Partition:
    """The partition's database as `embedded.PartitionDatabase` promises it, over a database of either engine."""

    database: Database

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        def advancing(db: Connection) -> T:
            # First of all: on PostgreSQL the row that is written here makes writes follow one another.
            changes = {"value": partition_schema.generation.c.value + 1}
            first = statements.insert(db, partition_schema.generation).values(id=1, value=1)
            db.execute(first.on_conflict_do_update(index_elements=["id"], set_=changes))
            return transaction(db)

        return await self.database.write(advancing)

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        return await self.database.write(transaction)

    async def generation(self) -> int:
        return await self.database.read(_generation)


def listed_regions(db: Connection) -> list[RegionName]:
    """List the Regions that were ever written to, in the order of their names."""
    return sorted(RegionName(name) for name in db.execute(select(partition_schema.region.c.name)).scalars())


def list_region(db: Connection, name: RegionName, now: datetime) -> None:
    statements.insert_absent(db, partition_schema.region, {"name": name, "created_at": now})


def begin_history(db: Connection, now: datetime) -> None:
    """Give a new Region its first epoch."""
    statements.insert_absent(db, regional_schema.history, {"id": 1, "epoch": _epoch_at(now)})


def clear_region(db: Connection, now: datetime) -> list[Key]:
    """Forget a Region's rows, begin a new epoch, and return the keys whose bytes no row names any more.

    The identity stays: by it the store of blobs, which outlives a reset, knows this database.
    """
    columns = (
        regional_schema.blob.c.key,
        regional_schema.upload_segment.c.key,
        regional_schema.offer_blob.c.key,
        regional_schema.discarded_key.c.key,
    )
    keys = {Key(key) for column in columns for key in db.execute(select(column)).scalars()}
    for table in reversed(regional_schema.regional.sorted_tables):
        if table not in (regional_schema.history, regional_schema.chore):
            db.execute(table.delete())
    chores.forget_all_but_identity(db)
    db.execute(update(regional_schema.history).values(epoch=_epoch_at(now)))
    return sorted(keys)


def clear_partition(db: Connection) -> None:
    for table in reversed(partition_schema.partition.sorted_tables):
        if table not in (partition_schema.generation, partition_schema.site_key, partition_schema.region):
            db.execute(table.delete())


def _generation(db: Connection) -> int:
    return db.execute(_GENERATION).scalar() or 0


def _epoch_at(now: datetime) -> int:
    """Return an epoch greater than every earlier one of this deployment: milliseconds since 1970."""
    return int(now.timestamp() * 1000)
