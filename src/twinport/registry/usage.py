"""Counts the bytes that accounts and repositories hold, from the rows of every blob."""

from dataclasses import dataclass
from functools import partial

from twinport.catalog.ports import Catalog
from twinport.catalog.regional import usage
from twinport.model.names import RegionName
from twinport.model.usage import RegionUsage

# One read delays no other work for long, and sees one moment: what changes between two reads is counted or not.
_BLOBS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Usages:
    """Only reads. The operator's command line asks it, and no gate."""

    catalog: Catalog
    blobs_at_once: int = _BLOBS_AT_ONCE

    async def of_region(self, name: RegionName) -> RegionUsage:
        """Count every blob of a Region. It takes as long as reading a row for each repository that holds one."""
        counted, region, after = RegionUsage(), self.catalog.region(name), ""
        while True:
            page = await region.read_much(partial(usage.page, after=after, limit=self.blobs_at_once))
            for each in page.blobs:
                counted.add(each)
            if page.after is None:
                return counted
            after = page.after
