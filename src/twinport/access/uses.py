"""When and where access keys and roles were last used: noted as requests come, written a little later.

No decision depends on it, so no request waits for the write: docs/decisions/0011-last-use-is-written-later.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from twinport.catalog.partition import service_uses, uses
from twinport.catalog.ports import Catalog, Connection
from twinport.model.entities import Use
from twinport.model.identities import Caller, PrincipalKind
from twinport.processes.late_writes import LateWrites

# Within this time another use in the same Region and of the same service is not noted again.
COARSENESS = timedelta(minutes=1)
# The most keys and roles that are remembered. Past this number all are forgotten, and noted again.
_MOST_REMEMBERED = 10_000
_LONG_TERM = "AKIA"


@dataclass(frozen=True, slots=True)
class _Subject:
    """A principal by its unique id, and the long-term key that it used, if it used one."""

    principal_id: str
    key_id: str | None
    kind: PrincipalKind


class Uses(LateWrites[tuple[_Subject, str], Use]):
    """The last uses in this process. Keys of open accounts have no rows, so their uses are not noted."""

    def __init__(self, catalog: Catalog) -> None:
        # Written by subject and service, since the last use of each service is kept.
        super().__init__(self._write, _MOST_REMEMBERED)
        self._catalog = catalog
        self._noted: dict[_Subject, Use] = {}

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
        self.add((subject, service), use)

    async def _write(self, uses: Mapping[tuple[_Subject, str], Use]) -> None:
        await self._catalog.partition.record(lambda db: _store(db, uses))


def _subject(caller: Caller) -> _Subject | None:
    key_id = caller.access_key_id if caller.access_key_id.startswith(_LONG_TERM) else None
    is_noted = key_id is not None or caller.session is not None
    if not is_noted or caller.kind is PrincipalKind.FEDERATED:
        return None
    return _Subject(caller.unique_id, key_id, caller.kind)


def _is_alike(before: Use, use: Use) -> bool:
    is_same_place = (before.region, before.service) == (use.region, use.service)
    return is_same_place and timedelta() <= use.at - before.at < COARSENESS


def _store(db: Connection, found: Mapping[tuple[_Subject, str], Use]) -> None:
    # Sorted, so that concurrent writers lock rows in the same order and do not deadlock.
    for (subject, _), use in sorted(found.items(), key=lambda each: (each[0][0].principal_id, each[0][1])):
        if subject.kind is PrincipalKind.ROLE_SESSION:
            uses.of_role(db, subject.principal_id, use)
        else:
            service_uses.note(db, subject.principal_id, use)
        if subject.key_id is not None:
            uses.of_key(db, subject.key_id, use)
