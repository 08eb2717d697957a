"""Images with their tags in the order of digests, filtered: what DescribeImages and ListImages list.

Each filter is read from an index that has the images of the filter and no others (`tag_by_digest`, `tag_by_status`, and
those of `untagged_image`), so a page reads about as many rows as it shows: docs/decisions/0050-lists-by-status.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from sqlalchemy import Connection, Select, literal, select, tuple_, union_all

from twinport.catalog.regional import schema
from twinport.model.images import ImageFilter, TagStatus

_tag, _untagged = schema.tag, schema.untagged_image
# How many tags one list of images has: an image may have 1000 tags of 128 characters.
TAGS_IN_A_LIST = 10_000
# How many entries are read at once at least, when it is not known how many tags the images have.
_FEW = 100
# Behind every tag.
_BEHIND = "\x7f"

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
    sources: list[Select[Entry]] = []
    if wanted.tags is not TagStatus.UNTAGGED:
        sources.append(_with_tags(repository_id, wanted, after, limit))
    if wanted.tags is not TagStatus.TAGGED:
        sources.append(_without_tags(repository_id, wanted, after, limit))
    # Sorted here, so that no plan sorts more than the page. On SQLite a part of a union has its order as a subquery.
    query = union_all(*(select(each.subquery(f"chosen{number}")) for number, each in enumerate(sources)))
    return sorted((digest, tag) for digest, tag in db.execute(query))[:limit]


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


def _with_tags(repository_id: int, wanted: ImageFilter, after: Entry, limit: int) -> Select[Entry]:
    in_status = () if wanted.status is None else (_tag.c.status == wanted.status.value,)
    entry = (_tag.c.digest, _tag.c.name)
    query = select(*entry).where(_tag.c.repository_id == repository_id, *in_status, tuple_(*entry) > tuple_(*after))
    return query.order_by(*entry).limit(limit)


def _without_tags(repository_id: int, wanted: ImageFilter, after: Entry, limit: int) -> Select[Entry]:
    in_status = () if wanted.status is None else (_untagged.c.status == wanted.status.value,)
    query = select(_untagged.c.digest, literal("").label("name"))
    query = query.where(_untagged.c.repository_id == repository_id, *in_status, _untagged.c.digest > after[0])
    return query.order_by(_untagged.c.digest).limit(limit)
