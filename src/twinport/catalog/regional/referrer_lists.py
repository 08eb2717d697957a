"""Lists of the manifests that name another as their subject.

A client may read a list of a thousand, so a statement answers with one row: `engine.statements.joined`.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, Integer, Select, Text, bindparam, cast, func, select

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema, storage
from twinport.model.content import Digest
from twinport.model.images import ImageStatus, Referrer, ReferrerFilter

_manifest, _storage = schema.manifest, schema.image_storage
# How many characters of annotations one list holds: clients read no more than a manifest's size.
_ANNOTATIONS = 3 << 20
_STATUSES = {status.value: status for status in ImageStatus}


def find(
    db: Connection, repository_id: int, subject: Digest, wanted: ReferrerFilter, after: str, limit: int
) -> tuple[list[Referrer], bool]:
    """Return manifests whose subject is `subject`, after the digest `after`.

    Also tell whether more follow: if annotations are large, the list has fewer than `limit` entries, but at least one.
    """
    asked = {"repository_id": repository_id, "subject": str(subject), "after": after}
    if wanted.types:
        asked["types"] = json.dumps(list(wanted.types))
    ask = wanted.status, bool(wanted.types)
    while True:
        names, sizes = _columns(_sizes(*ask).first(db, **asked, limit=limit + 1))
        if not names:
            return [], False
        fitting = min(limit, _fitting([int(size) for size in sizes]))
        last = names[fitting - 1]
        found = sorted(map(_referrer, zip(*_columns(_entries(*ask).first(db, **asked, last=last)), strict=True)))
        if found or fitting == len(names):
            return found, fitting < len(names)
        # All of them were deleted since the statement before.
        asked["after"] = last


def _fitting(sizes: Sequence[int]) -> int:
    """Return how many of the first annotations, of these sizes, fit into one list: at least one."""
    return bisect_right(list(accumulate(sizes)), max(sizes[0], _ANNOTATIONS))


def _columns(row: Any) -> Iterator[list[str]]:
    """Return the columns of what `_joined` found, which is a row in any case."""
    return map(statements.parts, row)


def _referrer(row: Sequence[str]) -> Referrer:
    digest, media_type, size, artifact_type, annotations, status = row
    return Referrer(digest, media_type, int(size), artifact_type or None, annotations or None, _STATUSES[status])


@cache
def _sizes(status: ImageStatus | None, is_typed: bool) -> Prepared:  # noqa: FBT001 — part of the key of a cache
    """Return the statement for the digests of a list, with the sizes of their annotations."""

    def build(engine: str) -> Any:
        size = func.coalesce(func.length(_manifest.c.annotations), 0)
        found = _about(engine, status, is_typed=is_typed).with_only_columns(_manifest.c.digest, size.label("size"))
        return _joined(engine, found.limit(bindparam("limit", type_=Integer)))

    return Prepared(build)


@cache
def _entries(status: ImageStatus | None, is_typed: bool) -> Prepared:  # noqa: FBT001 — as above
    """Return the statement for what a list says of each manifest, up to the digest `last`."""

    def build(engine: str) -> Any:
        found = _about(engine, status, is_typed=is_typed).with_only_columns(
            _manifest.c.digest,
            _manifest.c.media_type,
            func.length(_manifest.c.content).label("size"),
            func.coalesce(_manifest.c.artifact_type, "").label("artifact_type"),
            func.coalesce(_manifest.c.annotations, "").label("annotations"),
            func.coalesce(_storage.c.status, ImageStatus.ACTIVE.value).label("status"),
        )
        return _joined(engine, found.where(_manifest.c.digest <= bindparam("last")))

    return Prepared(build)


def _about(engine: str, status: ImageStatus | None, *, is_typed: bool) -> Select[Any]:
    """Return the query for what a list is about, in the order of its digests."""
    query = select(_manifest).outerjoin(_storage, storage.OF_THE_IMAGE).where(*storage.is_in(status))
    if is_typed:
        query = query.where(statements.is_one_of(engine, _manifest.c.artifact_type, "types"))
    own = _manifest.c.repository_id == bindparam("repository_id"), _manifest.c.subject == bindparam("subject")
    return query.where(*own, _manifest.c.digest > bindparam("after")).order_by(_manifest.c.digest)


def _joined(engine: str, found: Select[Any]) -> Select[Any]:
    return select(*(statements.joined(engine, cast(column, Text)) for column in found.subquery("found").c))
