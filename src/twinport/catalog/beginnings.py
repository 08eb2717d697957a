"""How the databases of a deployment begin and count their generations: the same on either engine."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, case, select, update

from twinport.catalog import region_identity
from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.ports import Database
from twinport.catalog.regional import schema as regional_schema
from twinport.model.names import RegionName

T = TypeVar("T")
# How many generations an era has. Only a reset of the deployment begins an era.
_ERA = 1 << 32

_GENERATION = Prepared(lambda _: select(partition_schema.generation.c.value))


@dataclass(frozen=True, slots=True)
class Partition:
    """The partition's database as `embedded.PartitionDatabase` promises it, over a database of either engine."""

    database: Database

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        def advancing(db: Connection) -> T:
            # This comes first: on PostgreSQL the row that is written here serializes the writes.
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
    """Give a new Region its first epoch, and its database an identity."""
    row = {"id": 1, "epoch": _epoch_at(now), "identity": region_identity.new()}
    statements.insert_absent(db, regional_schema.history, row)


def restart_history(db: Connection, now: datetime) -> None:
    """Give a Region an epoch greater than all before, even if the clock went back since."""
    epoch, new = regional_schema.history.c.epoch, _epoch_at(now)
    db.execute(update(regional_schema.history).values(epoch=case((epoch >= new, epoch + 1), else_=new)))


def begin_era(db: Connection) -> None:
    """Go on to the first generation of the next era, within a write to the partition."""
    value = partition_schema.generation.c.value
    first = (int(db.execute(select(value)).scalar_one()) // _ERA + 1) * _ERA
    db.execute(update(partition_schema.generation).values(value=first))


def era_of(generation: int) -> int:
    """Return the era of a generation: what a Region has of its own, as its keys, lasts for an era."""
    return generation // _ERA


def _generation(db: Connection) -> int:
    row = _GENERATION.first(db)
    return 0 if row is None else int(row[0])


def _epoch_at(now: datetime) -> int:
    """Return an epoch greater than every earlier one of this deployment: milliseconds since 1970."""
    return int(now.timestamp() * 1000)
