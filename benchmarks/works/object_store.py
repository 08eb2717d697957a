"""Images and large blobs whose layers are in one object store, which each contender passes all bytes on to."""

from dataclasses import replace

from benchmarks.fleet import DISTRIBUTION_OBJECTS, OURS_OBJECTS
from benchmarks.works import blobs, images
from benchmarks.works.work import WHOLE, Sizes, Work

_CONTENDERS = (OURS_OBJECTS, DISTRIBUTION_OBJECTS)
_WHERE = "object store: "


def works(sizes: Sizes) -> list[Work]:
    """Return the works; none for a short run, which would wait for the store longer than it measures."""
    if sizes is not WHOLE:
        return []
    found = [*images.works(sizes), *blobs.works(sizes)]
    return [_there(work) for work in found]


def _there(work: Work) -> Work:
    rows = [replace(row, name=_WHERE + row.name) for row in work.rows]
    return replace(work, name=f"object-store-{work.name}", rows=rows, contenders=_CONTENDERS, is_counted=False)
