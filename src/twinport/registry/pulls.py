"""When images were last pulled: noted as pulls come, written a little later.

A process notes a pull in memory, and does not note another pull of the same image within an hour. A loop writes the
notes in one transaction for each Region, and rests. So there is at most one write every five seconds, and at most one
row an hour and image: docs/decisions/0042-lifecycle-policies.md.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from twinport.catalog.ports import Catalog
from twinport.catalog.regional import storage
from twinport.errors import Unavailable
from twinport.model.content import Digest
from twinport.model.names import RegionName

COARSENESS = timedelta(hours=1)
# The pause between two transactions of a Region, however many images are pulled meanwhile.
PAUSE = timedelta(seconds=5)
# What a recorded pull may be behind: the last pull within the hour is not recorded, nor one since the last write.
MARGIN = COARSENESS + 2 * PAUSE
# The most images that are remembered. Past this number all are forgotten, and noted again.
_MOST_REMEMBERED = 100_000

_Image = tuple[RegionName, int, str]


class Pulls:
    """The last pulls in this process."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._noted: dict[_Image, datetime] = {}
        self._unwritten: dict[_Image, datetime] = {}
        self._something = asyncio.Event()
        # Under this lock, a call of `write` that finds nothing to write has waited for a write in progress.
        self._writing = asyncio.Lock()

    def note(self, region: RegionName, repository_id: int, digest: Digest, at: datetime) -> None:
        """Remember that an image was pulled."""
        image = (region, repository_id, str(digest))
        before = self._noted.get(image)
        if before is not None and timedelta() <= at - before < COARSENESS:
            return
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[image] = at
        if len(self._unwritten) < _MOST_REMEMBERED:
            self._unwritten[image] = at
            self._something.set()

    async def write(self) -> None:
        """Write the noted pulls, and return when that is done. After a failure they stay noted for the next write."""
        async with self._writing:
            if not self._unwritten:
                return
            taken, self._unwritten = self._unwritten, {}
            try:
                for region, pulls in _by_region(taken).items():
                    await self._catalog.region(region).write(
                        partial(storage.note_pulls, pulls=pulls, coarseness=COARSENESS)
                    )
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
                await asyncio.sleep(PAUSE.total_seconds())
        finally:
            await self.settle()


def _by_region(pulls: Mapping[_Image, datetime]) -> Mapping[RegionName, dict[storage.Pulled, datetime]]:
    found: dict[RegionName, dict[storage.Pulled, datetime]] = defaultdict(dict)
    for (region, repository_id, digest), at in pulls.items():
        found[region][repository_id, digest] = at
    return found
