"""The loop of the archive: it ends restores, moves referrers after their subjects, and writes lines that the log lacks.

It is not the loop that applies lifecycle policies, whose runs may be long: a client waits for a restore.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from twinport.catalog.engine import leases
from twinport.catalog.ports import Catalog, Connection, Database
from twinport.catalog.regional import image_notes as notes_left
from twinport.catalog.regional import referrer_moves, repositories, storage
from twinport.catalog.regional.image_notes import Note
from twinport.catalog.regional.repositories import Against
from twinport.catalog.regional.storage import Activating
from twinport.errors import Unavailable
from twinport.landing import restores
from twinport.landing.restores import Progress
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.content import Digest
from twinport.model.images import Repository
from twinport.model.names import RegionName, RepositoryId
from twinport.registry import image_notes, rounds

AT_ONCE = 100
_NOTES_AT_ONCE = 500
_REPOSITORIES_AT_ONCE = 100
_LEASE = timedelta(minutes=1)
_WORKER = _LEASE_NAME = "storage moves"
# No process writes its own lines as late as this: a transaction is given up earlier, and its lines follow at once.
LEFT_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class StorageMoves:
    """The work of every Region's archive. `due` wakes the loop, and `owed` is called when a copy is owed."""

    catalog: Catalog
    holder: str
    due: asyncio.Event
    owed: Callable[[], None]
    at_once: int = AT_ONCE

    async def run(self) -> None:
        """Do what is due, again and again, until canceled."""
        await rounds.run(self.catalog, _WORKER, self.look, self.due)

    async def look(self, region: RegionName) -> bool:
        """Do some of what is due in a Region, and tell whether there may be more.

        Each account has some of its restores ended, and each repository some of its referrers moved.
        """
        database = self.catalog.region(region)
        if not await self._lease(database):
            return False
        try:
            work = (self.tell_left, self.end_restores, self.move_referrers)
            return any([await each(region) for each in work])
        finally:
            await database.write(lambda db: leases.give_back(db, _LEASE_NAME, self.holder))

    async def tell_left(self, region: RegionName) -> bool:
        """Write the lines that another process noted and did not write, or did not know to be true."""
        database = self.catalog.region(region)
        found = await database.read(lambda db: notes_left.left(db, self.catalog.now(db) - LEFT_AFTER, _NOTES_AT_ONCE))
        for step, notes in found.items():
            image_notes.tell(notes)
            await database.write(partial(notes_left.forget_some, step=step, count=len(notes)))
        return bool(found)

    async def end_restores(self, region: RegionName) -> bool:
        """Do some of each restore that clients asked for: its parts, its deliveries, and at last the image."""
        database = self.catalog.region(region)
        found, goes_on = await database.read(lambda db: storage.activating(db, region, self.at_once)), False
        ended: list[Activating] = []
        hindered: list[Unavailable] = []
        for each in found:
            try:
                progress = await database.write(partial(self._go_on, each))
                goes_on |= progress is not Progress.NONE
                ended += [each] if progress is Progress.ENDED else []
            except Unavailable as refusal:
                # The others have their turn.
                hindered.append(refusal)
        self._tell(region, ended)
        if goes_on:
            self.owed()
        rounds.tell_hindered(_WORKER, hindered, has_done=goes_on)
        return goes_on

    def _tell(self, region: RegionName, ended: Sequence[Activating]) -> None:
        for each in ended:
            facts = {"account": each.repository.account, "region": region, "repository": each.repository.name}
            telemetry.event(Event.IMAGE_RESTORED, **facts, digest=str(each.digest))

    def _go_on(self, each: Activating, db: Connection) -> Progress:
        return restores.go_on(db, each, self.catalog.now(db))

    async def move_referrers(self, region: RegionName) -> bool:
        """Move some referrers of each repository to where their subjects lie."""
        database, last, found = self.catalog.region(region), 0, False
        while page := await database.read(
            partial(referrer_moves.due, region=region, after=last, limit=_REPOSITORIES_AT_ONCE)
        ):
            for _, repository in page:
                await self._move(database, repository)
            last, found = page[-1][0], True
        return found

    async def _move(self, database: Database, repository: RepositoryId) -> None:
        step = str(uuid4())

        def move(db: Connection) -> list[Note]:
            row = repositories.find_locked(db, repository, Against.WRITERS)
            if row is None:
                return []
            return follow(db, row, (), step, (self.catalog.now(db), self.at_once))[0]

        await image_notes.tell_all(database, step, await database.write(move))

    async def _lease(self, database: Database) -> bool:
        return await database.write(
            lambda db: leases.take(db, _LEASE_NAME, self.holder, self.catalog.now(db), lease=_LEASE)
        )


def follow(
    db: Connection, repository: Repository, moved: Sequence[Digest], step: str, bounds: tuple[datetime, int]
) -> tuple[list[Note], bool]:
    """Move some referrers after their subjects, and note those that were archived, and those in `moved`.

    `bounds` are the time, and how many referrers are looked at. Return the notes, and whether a loop has more to do.
    """
    now, limit = bounds
    found = referrer_moves.move_some(db, repository, now, limit)
    archived = (*moved, *found.archived)
    notes = [image_notes.of_archived(repository.identity, each) for each in archived]
    notes_left.write(db, step, notes, now)
    return notes, found.is_more or bool(found.restoring)
