"""The images without tags: rows of their own, so that lists of them read no other image.

docs/decisions/0046-images-without-tags.md says why. What adds, changes or removes a tag, an image or its storage status
calls `review` in the same transaction, afterwards. The rows are computed from the other tables by this function alone.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, select

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.images import ImageStatus

_untagged, _manifest, _tag, _storage = schema.untagged_image, schema.manifest, schema.tag, schema.image_storage
_repository = schema.repository
_KEY = ("repository_id", "digest")

_HAS_A_TAG = (
    select(_tag.c.name)
    .where(_tag.c.repository_id == _untagged.c.repository_id, _tag.c.digest == _untagged.c.digest)
    .correlate(_untagged)
    .exists()
)
_GIVEN = Prepared(
    lambda _: delete(_untagged).where(
        _untagged.c.repository_id == bindparam("owner"), _untagged.c.digest == bindparam("name"), _HAS_A_TAG
    )
)


def review(db: Connection, repository_id: int, digests: Iterable[str]) -> None:
    """Make the rows of these images what the images are now. Their repository is locked against other writers."""
    for digest in digests:
        _GIVEN.change(db, owner=repository_id, name=digest)
        _NOTED.change(db, owner=repository_id, name=digest)


def wrong(db: Connection) -> int:
    """Count the images whose row here is not what the images are: a self-check, for which there is nothing to find.

    The tables of a deleted repository, which are emptied one after the other, do not count.
    """
    shown = select(_repository.c.id).where(_repository.c.account != OF_NO_REGISTRY)
    truth = _truth().where(_manifest.c.repository_id.in_(shown)).subquery("truth")
    same = and_(*(truth.c[name] == _untagged.c[name] for name in _KEY))
    equal = and_(same, *(truth.c[name] == _untagged.c[name] for name in ("status", "pushed_at", "image_size")))
    missing = select(func.count()).select_from(truth.outerjoin(_untagged, equal)).where(_untagged.c.digest.is_(None))
    surplus = select(func.count()).select_from(_untagged.outerjoin(truth, same)).where(truth.c.digest.is_(None))
    surplus = surplus.where(_untagged.c.repository_id.in_(shown))
    return sum(db.execute(count).scalar_one() for count in (missing, surplus))


def _truth() -> Select[Any]:
    """Select what the rows here are to be."""
    of_the_image = and_(_storage.c.repository_id == _manifest.c.repository_id, _storage.c.digest == _manifest.c.digest)
    has_a_tag: ColumnElement[bool] = (
        select(_tag.c.name)
        .where(_tag.c.repository_id == _manifest.c.repository_id, _tag.c.digest == _manifest.c.digest)
        .correlate(_manifest)
        .exists()
    )
    return (
        select(
            _manifest.c.repository_id,
            _manifest.c.digest,
            func.coalesce(_storage.c.status, ImageStatus.ACTIVE.value).label("status"),
            _manifest.c.pushed_at,
            _manifest.c.image_size,
        )
        .select_from(_manifest.outerjoin(_storage, of_the_image))
        .where(~has_a_tag)
    )


def _noting(engine: str) -> Any:
    truth = _truth().where(_manifest.c.repository_id == bindparam("owner"), _manifest.c.digest == bindparam("name"))
    insert = statements.insert_of(engine, _untagged).from_select([*truth.selected_columns.keys()], truth)
    return insert.on_conflict_do_update(index_elements=_KEY, set_={"status": insert.excluded.status})


_NOTED = Prepared(_noting)
