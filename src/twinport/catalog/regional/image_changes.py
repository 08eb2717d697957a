"""Counts the changes that may make a lifecycle decision wrong: of a repository's images, tags and storage classes.

A transaction of a lifecycle run compares one number then, and not every image that its rule keeps
(docs/decisions/0042-lifecycle-policies.md). Only a repository with a lifecycle policy counts.
"""

from sqlalchemy import Connection, bindparam, update

from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema

_policy = schema.lifecycle_policy
_COUNT = Prepared(
    lambda _: (
        update(_policy)
        .where(_policy.c.repository_id == bindparam("owner"))
        .values(image_changes=_policy.c.image_changes + 1)
    )
)


def note(db: Connection, repository_id: int) -> None:
    """Count a change, in the transaction that makes it."""
    _COUNT.change(db, owner=repository_id)
