"""When images were last pulled: noted as pulls come, written a little later.

A process notes a pull in memory, and does not note another one of the same image and principal within an hour. A loop
writes the notes in one transaction for each Region, and rests. So there is at most one write every five seconds, and at
most one row an hour and image: docs/decisions/0042-lifecycle-policies.md.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from twinport.access.lasting import LONGEST
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import pull_time_exclusions, storage
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.names import RegionName, Registry
from twinport.processes.late_writes import PAUSE, LateWrites

COARSENESS = timedelta(hours=1)
# What a recorded pull may be behind. A process notes no pull within an hour of the last one that it noted, and a note
# is not recorded within an hour of the record, which may be another principal's or process's. Nor is a pull since the
# last write, or one that was answered as a pull just before it was.
MARGIN = 2 * COARSENESS + 2 * PAUSE + LONGEST
# The most images that are remembered. Past this number all are forgotten, and noted again.
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class _Pull:
    """A principal and the image that it pulled."""

    registry: Registry
    principal: str
    repository_id: int
    digest: str


class Pulls(LateWrites[_Pull, datetime]):
    """The last pulls in this process."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(self._write, _MOST_REMEMBERED)
        self._catalog = catalog
        self._noted: dict[_Pull, datetime] = {}

    def note(self, caller: Caller, registry: Registry, repository_id: int, digest: Digest) -> None:
        """Remember that a caller pulled an image. Pulls of principals that the registry excludes are dropped later."""
        pull = _Pull(registry, caller.principal_arn, repository_id, str(digest))
        at, before = caller.origin.at, self._noted.get(pull)
        if before is not None and timedelta() <= at - before < COARSENESS:
            return
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[pull] = at
        self.add(pull, at)

    async def _write(self, pulls: Mapping[_Pull, datetime]) -> None:
        for region, some in _by_region(pulls).items():
            await self._catalog.region(region).write(partial(_store, pulls=some))


def _by_region(pulls: Mapping[_Pull, datetime]) -> Mapping[RegionName, dict[_Pull, datetime]]:
    found: dict[RegionName, dict[_Pull, datetime]] = defaultdict(dict)
    for pull, at in pulls.items():
        found[pull.registry.region][pull] = at
    return found


def _store(db: Connection, pulls: Mapping[_Pull, datetime]) -> None:
    """Store the last pull of each image by a principal that its registry does not exclude."""
    accounts = {pull.registry.account for pull in pulls}
    excluded = {account: pull_time_exclusions.excluded(db, account) for account in accounts}
    last: dict[storage.Pulled, datetime] = {}
    for pull, at in pulls.items():
        if pull.principal not in excluded[pull.registry.account]:
            image = (pull.repository_id, pull.digest)
            last[image] = max(at, last.get(image, at))
    storage.note_pulls(db, last, COARSENESS)
