"""When and where access keys and roles were last used: noted as requests come, written a little later.

No decision depends on it, so no request waits for the write: docs/decisions/0011-last-use-is-written-later.md.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta

from twinport.catalog.partition import service_uses, uses
from twinport.catalog.ports import Catalog, Connection
from twinport.errors import Unavailable
from twinport.model.entities import Use
from twinport.model.identities import Caller, PrincipalKind

# Within this time another use in the same Region and of the same service is not noted again.
COARSENESS = timedelta(minutes=1)
# The pause between two transactions, however many keys are used meanwhile.
_PAUSE = timedelta(seconds=5)
# The most keys and roles that are remembered. Past this number all are forgotten, and noted again.
_MOST_REMEMBERED = 10_000
_LONG_TERM = "AKIA"


@dataclass(frozen=True, slots=True)
class _Subject:
    """A principal by its unique id, and the long-term key that it used, if it used one."""

    principal_id: str
    key_id: str | None
    kind: PrincipalKind


class Uses:
    """The last uses in this process. Keys of open accounts have no rows, so their uses are not noted."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._noted: dict[_Subject, Use] = {}
        # Also by service, since the last use of each service is kept.
        self._unwritten: dict[tuple[_Subject, str], Use] = {}
        self._something = asyncio.Event()
        # Under this lock, a call of `write` that finds nothing to write has waited for a write in progress.
        self._writing = asyncio.Lock()

    def note(self, caller: Caller, service: str) -> None:
        """Remember that a verified request came, signed for `service` (`ecr`, `iam`) and the origin's Region."""
        subject = _subject(caller)
        if subject is None:
            return
        use = Use(caller.origin.at, caller.origin.region, service)
        if (before := self._noted.get(subject)) is not None and _is_alike(before, use):
            return
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[subject] = use
        if len(self._unwritten) < _MOST_REMEMBERED:
            self._unwritten[subject, service] = use
            self._something.set()

    async def write(self) -> None:
        """Write the noted uses, and return when that is done. After a failure they stay noted for the next write."""
        async with self._writing:
            if not self._unwritten:
                return
            taken, self._unwritten = self._unwritten, {}
            try:
                await self._catalog.partition.record(lambda db: _store(db, taken))
            except BaseException:
                self._unwritten = {**taken, **self._unwritten}
                self._something.set()
                raise

    async def settle(self) -> None:
        """As `write`, before a read that does not depend on it: an unavailable database is no error."""
        with contextlib.suppress(Unavailable):
            await self.write()

    async def run(self) -> None:
        """Write now and then until canceled, and once more at the end."""
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                await self.settle()
                await asyncio.sleep(_PAUSE.total_seconds())
        finally:
            await self.settle()


def _subject(caller: Caller) -> _Subject | None:
    key_id = caller.access_key_id if caller.access_key_id.startswith(_LONG_TERM) else None
    is_noted = key_id is not None or caller.session is not None
    if not is_noted or caller.kind is PrincipalKind.FEDERATED:
        return None
    return _Subject(caller.unique_id, key_id, caller.kind)


def _is_alike(before: Use, use: Use) -> bool:
    is_same_place = (before.region, before.service) == (use.region, use.service)
    return is_same_place and timedelta() <= use.at - before.at < COARSENESS


def _store(db: Connection, found: dict[tuple[_Subject, str], Use]) -> None:
    # Sorted, so that concurrent writers lock rows in the same order and do not deadlock.
    for (subject, _), use in sorted(found.items(), key=lambda each: (each[0][0].principal_id, each[0][1])):
        if subject.kind is PrincipalKind.ROLE_SESSION:
            uses.of_role(db, subject.principal_id, use)
        else:
            service_uses.note(db, subject.principal_id, use)
        if subject.key_id is not None:
            uses.of_key(db, subject.key_id, use)
