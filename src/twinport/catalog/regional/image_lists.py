"""Lists of a repository's images in several orders, a bounded number of rows at a time.

Each order is that of an index, so the cost of a page depends on its size, not on the repository's. Where images are
also filtered, a page looks at a bounded number of the index's rows, and may find few or none among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, Table, and_, select, tuple_, type_coerce

from twinport.catalog.regional import schema
from twinport.model.content import Digest
from twinport.model.image_queries import ImageOrder, ImageQuery
from twinport.model.images import ImageStatus, TagStatus

_manifest, _tag, _storage, _untagged = schema.manifest, schema.tag, schema.image_storage, schema.untagged_image
# How many images a page looks at if it includes some of them alone.
MOST_LOOKED_AT = 1000
# Behind every character of a tag and of a digest.
_BEHIND = "\x7f"

# Where a list goes on: behind the values of an order's columns.
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """An image of a list, and the place behind it. `tag` is set in lists by tag."""

    digest: Digest
    tag: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Looked:
    """The images that were found. `rest` is the place where to go on looking, None at the end of the list."""

    found: Sequence[Found]
    rest: Place | None


@dataclass(frozen=True, slots=True)
class _Order:
    """The columns of an index behind `repository_id`, and the condition for the rows that the list is about.

    `digest` is the column of the table with the images' digests.
    """

    columns: tuple[ColumnElement[Any], ...]
    digest: ColumnElement[Any]
    only: tuple[ColumnElement[bool], ...] = ()


def _orders_of(table: Table) -> dict[ImageOrder, _Order]:
    """Return the orders that are the same for all images and for those without tags."""
    digest = table.c.digest
    pushed = _Order((type_coerce(table.c.pushed_at, BigInteger), digest), digest)
    size = _Order((table.c.image_size, digest), digest)
    return {
        ImageOrder.NEWEST: pushed,
        ImageOrder.OLDEST: pushed,
        ImageOrder.LARGEST: size,
        ImageOrder.SMALLEST: size,
        ImageOrder.DIGEST: _Order((digest,), digest),
    }


_TAG = _Order((_tag.c.name,), _tag.c.digest)
_ORDERS = {
    **_orders_of(_manifest),
    ImageOrder.TAG: _TAG,
    ImageOrder.TAG_BACKWARDS: _TAG,
    ImageOrder.ARCHIVED: _Order(
        (type_coerce(_storage.c.archived_at, BigInteger), _storage.c.digest),
        _storage.c.digest,
        (_storage.c.status == ImageStatus.ARCHIVED.value, _storage.c.archived_at.is_not(None)),
    ),
}
_UNTAGGED = _ORDERS | _orders_of(_untagged)


def kinds(order: ImageOrder) -> tuple[type[str] | type[int], ...]:
    """Return the types of the values that a place in this order has."""
    return (str,) if len(_ORDERS[order].columns) == 1 else (int, str)


def find(db: Connection, repository_id: int, query: ImageQuery, after: Place | None, limit: int) -> Looked:
    """Return at most `limit` images that a query is about, those behind the place `after`."""
    if query.is_empty:
        return Looked((), None)
    looking = MOST_LOOKED_AT if query.is_filtered else limit
    statement = _in_order(repository_id, query, after, looking + 1)
    if not query.is_filtered:
        return _cut([_found(row, query) for row in db.execute(statement)], limit)
    rows = sorted(db.execute(_judged(repository_id, statement)), key=_place, reverse=query.order.is_descending)
    met = _cut([_found(row, query) for row in rows if _is_wanted(row, query)], limit)
    if met.rest is not None or len(rows) <= looking:
        return met
    return Looked(met.found, _place(rows[looking - 1]))


def _cut(found: Sequence[Found], limit: int) -> Looked:
    return Looked(found[:limit], found[limit - 1].place if len(found) > limit else None)


def _in_order(repository_id: int, query: ImageQuery, after: Place | None, limit: int) -> Select[Any]:
    order = (_UNTAGGED if query.tags is TagStatus.UNTAGGED else _ORDERS)[query.order]
    keys = [column.label(f"key{number}") for number, column in enumerate(order.columns)]
    table: Table = order.columns[-1].table
    statement = select(*keys, order.digest.label("digest")).where(table.c.repository_id == repository_id, *order.only)
    if query.prefix:
        (column,) = order.columns
        statement = statement.where(column >= query.prefix, column < query.prefix + _BEHIND)
    place = tuple_(*order.columns)
    if query.order.is_descending:
        statement = statement if after is None else statement.where(place < tuple_(*after))
        return statement.order_by(*(column.desc() for column in order.columns)).limit(limit)
    statement = statement if after is None else statement.where(place > tuple_(*after))
    return statement.order_by(*order.columns).limit(limit)


def _judged(repository_id: int, statement: Select[Any]) -> Select[Any]:
    """Add to a bounded number of rows what they are filtered by."""
    looked = statement.subquery("looked")
    tagged = select(_tag.c.name).where(_tag.c.repository_id == repository_id, _tag.c.digest == looked.c.digest)
    of_image = and_(_storage.c.repository_id == repository_id, _storage.c.digest == looked.c.digest)
    columns = (looked, _storage.c.status.label("status"), tagged.exists().label("is_tagged"))
    return select(*columns).select_from(looked.outerjoin(_storage, of_image))


def _is_wanted(row: Row[Any], query: ImageQuery) -> bool:
    status = ImageStatus.ACTIVE if row.status is None else ImageStatus(row.status)
    is_in_status = query.status in (None, status)
    match query.tags:
        case TagStatus.ANY:
            return is_in_status
        case TagStatus.TAGGED:
            return is_in_status and bool(row.is_tagged)
        case TagStatus.UNTAGGED:
            return is_in_status and not row.is_tagged


def _found(row: Row[Any], query: ImageQuery) -> Found:
    place = _place(row)
    return Found(Digest.parse(row.digest), str(place[0]) if query.order.is_by_tag else None, place)


def _place(row: Row[Any]) -> Place:
    return tuple(value for name, value in row._mapping.items() if name.startswith("key"))  # noqa: SLF001 — its public name
