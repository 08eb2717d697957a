"""Images with their tags in the order of digests, filtered: what DescribeImages and ListImages list.

Each filter is read from an index that has the images of the filter and no others (`tag_by_digest`, `tag_by_status`, and
those of `untagged_image`), so a page reads about as many rows as it shows: docs/decisions/0050-lists-by-status.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, Integer, Select, Table, bindparam, cast, select, tuple_, union_all

from twinport.catalog.engine import statements
from twinport.catalog.engine.columns import Text
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema
from twinport.model.images import ImageFilter, ImageStatus, TagStatus

_tag, _untagged = schema.tag, schema.untagged_image
# How many tags one list of images has: an image may have 1000 tags of 128 characters.
TAGS_IN_A_LIST = 10_000
# How many entries are read at once at least, when it is not known how many tags the images have.
_FEW = 100
# Behind every tag.
_BEHIND = "\x7f"

_LIMIT = bindparam("limit", type_=Integer)

# A digest and one of the image's tags, or "" for an image without tags.
Entry = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Images:
    """The tags of each image by its digest, in order, and whether more images follow."""

    tags: Mapping[str, Sequence[str]]
    is_more: bool


def find(db: Connection, repository_id: int, wanted: ImageFilter, after: Entry, limit: int) -> list[Entry]:
    """Return at most `limit` entries in their order, those after the entry `after`.

    One statement reads images with tags and without, so that an image that gets its first tag is in one of them.
    """
    digest, tag = after
    found = _page(wanted.tags, wanted.status).first(db, owner=repository_id, after=digest, tag=tag, limit=limit)
    # Sorted here, so that no plan sorts more than the page.
    return sorted(zip(*map(statements.parts, found or ()), strict=True))[:limit]


def images(db: Connection, repository_id: int, wanted: ImageFilter, after: str, limit: int) -> Images:
    """Return at most `limit` images with all their tags, those after the digest `after`.

    They are fewer if they have many tags, but at least one.
    """
    found: dict[str, list[str]] = {}
    place, size, entries = (after, _BEHIND), max(limit + 1, _FEW), 0
    while True:
        some = find(db, repository_id, wanted, place, size)
        for digest, tag in some:
            found.setdefault(digest, []).extend([tag] if tag else [])
        entries += len(some)
        if len(some) < size:
            return _cut(found, list(found), limit)
        # The last image may have more tags.
        if len(found) > limit or (entries > TAGS_IN_A_LIST and len(found) > 1):
            return _cut(found, list(found)[:-1], limit)
        place, size = some[-1], min(2 * size, TAGS_IN_A_LIST)


def _cut(found: Mapping[str, Sequence[str]], whole: Sequence[str], limit: int) -> Images:
    totals = list(accumulate(len(found[digest]) for digest in whole))
    fitting = sum(total <= max(totals[0], TAGS_IN_A_LIST) for total in totals)
    shown = {digest: found[digest] for digest in whole[: min(limit, fitting)]}
    return Images(shown, len(shown) < len(found))


@cache
def _page(tags: TagStatus, status: ImageStatus | None) -> Prepared:
    """Return the statement for a page of a filter, which answers with one row."""

    def build(engine: str) -> Any:
        sources: list[Select[Entry]] = []
        if tags is not TagStatus.UNTAGGED:
            sources.append(_with_tags(status))
        if tags is not TagStatus.TAGGED:
            sources.append(_without_tags(status))
        # On SQLite a part of a union has its order as a subquery.
        chosen = union_all(*(select(each.subquery(f"chosen{number}")) for number, each in enumerate(sources)))
        return select(*(statements.joined(engine, column) for column in chosen.subquery("chosen").c))

    return Prepared(build)


def _with_tags(status: ImageStatus | None) -> Select[Entry]:
    entry = (_tag.c.digest, _tag.c.name)
    is_behind = tuple_(*entry) > tuple_(bindparam("after", type_=Text), bindparam("tag", type_=Text))
    return _of(_tag, status).with_only_columns(*entry).where(is_behind).order_by(*entry).limit(_LIMIT)


def _without_tags(status: ImageStatus | None) -> Select[Entry]:
    query = _of(_untagged, status).with_only_columns(_untagged.c.digest, cast("", Text).label("name"))
    return query.where(_untagged.c.digest > bindparam("after", type_=Text)).order_by(_untagged.c.digest).limit(_LIMIT)


def _of(table: Table, status: ImageStatus | None) -> Select[Any]:
    query = select(table).where(table.c.repository_id == bindparam("owner"))
    return query if status is None else query.where(table.c.status == status.value)
