"""The status of an image on the row of each of its tags, so that lists of tags in a status read no other tag.

docs/decisions/0050-lists-by-status.md says why. What moves a tag calls `put`, and what changes the status of an image
calls `review` in the same transaction, afterwards. Both take the status from the archive's rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select, update

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.images import ImageStatus

_tag, _storage, _repository = schema.tag, schema.image_storage, schema.repository
_ACTIVE = ImageStatus.ACTIVE.value


def put(db: Connection, repository_id: int, digest: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Make tags name an image: each row has the other columns of one."""
    _PUT.change_all(db, [{"repository_id": repository_id, "digest": digest, **row} for row in rows])


def review(db: Connection, repository_id: int, digests: Iterable[str]) -> int:
    """Give the tags of these images the status that the images have now. Tell how many had another one."""
    return sum(_REVIEWED.change(db, owner=repository_id, image=digest) for digest in digests)


def wrong(db: Connection) -> int:
    """Count the tags with another status than their image: a self-check, for which there is nothing to find.

    The tables of a deleted repository, which are emptied one after the other, do not count.
    """
    of_the_tag = and_(_storage.c.repository_id == _tag.c.repository_id, _storage.c.digest == _tag.c.digest)
    query = select(func.count()).select_from(_tag.join(_repository, _repository.c.id == _tag.c.repository_id))
    query = query.outerjoin(_storage, of_the_tag).where(_repository.c.account != OF_NO_REGISTRY)
    return db.execute(query.where(_tag.c.status != func.coalesce(_storage.c.status, _ACTIVE))).scalar_one()


def _truth(owner: str, image: str) -> ColumnElement[str]:
    """Return the status of the image that two parameters name."""
    named = (_storage.c.repository_id == bindparam(owner), _storage.c.digest == bindparam(image))
    return func.coalesce(select(_storage.c.status).where(*named).scalar_subquery(), _ACTIVE)


def _putting(engine: str) -> Any:
    given = {column.name: bindparam(column.name, type_=column.type) for column in _tag.c if column is not _tag.c.status}
    insert = statements.insert_of(engine, _tag).values({**given, "status": _truth("repository_id", "digest")})
    changes = {name: insert.excluded[name] for name in (*given, "status") if name not in ("repository_id", "name")}
    return insert.on_conflict_do_update(index_elements=["repository_id", "name"], set_=changes)


_PUT = Prepared(_putting)
_REVIEWED = Prepared(
    lambda _: (
        update(_tag)
        .where(
            _tag.c.repository_id == bindparam("owner"),
            _tag.c.digest == bindparam("image"),
            _tag.c.status != _truth("owner", "image"),
        )
        .values(status=_truth("owner", "image"))
    )
)
