"""Rules that all kinds of entities share: their names, their quotas, their tags, and what keeps them from deletion."""

from collections.abc import Iterable

from twinport.catalog.partition import entities
from twinport.catalog.ports import Connection
from twinport.errors import LimitReached
from twinport.model.entities import Group, Role, Tag, User
from twinport.refusals.identities import EntityExists, StillReferenced

TAGS_PER_ENTITY = 50


def require_free_name(db: Connection, entity: User | Group | Role) -> None:
    """Raise EntityExists if another entity of the account has this name, without regard to case."""
    found = entities.id_of_name(db, type(entity), entity.account, entity.name)
    if found is not None and found != entity.unique_id:
        raise EntityExists(type(entity).__name__.lower(), entity.name)


def require_quota(present: int, quota: str, most: int) -> None:
    """Raise LimitReached when there are as many as the quota of this name allows."""
    if present >= most:
        raise LimitReached(f"Cannot exceed quota for {quota}: {most}")


def require_bare(db: Connection, owner: str) -> None:
    """Raise StillReferenced for an entity that has policies."""
    if entities.has_attached_policy(db, owner):
        raise StillReferenced("Cannot delete entity, must detach all policies first.")
    if entities.has_inline_policy(db, owner):
        raise StillReferenced("Cannot delete entity, must delete policies first.")


def put_tags(db: Connection, owner: str, given: Iterable[Tag]) -> None:
    """Add tags, replacing those of the same keys. Raises LimitReached past the quota of an entity."""
    entities.put_tags(db, owner, given)
    require_few_tags(db, owner)


def require_few_tags(db: Connection, owner: str) -> None:
    """Raise LimitReached for an entity that was given too many tags."""
    if entities.count_tags(db, owner) > TAGS_PER_ENTITY:
        raise LimitReached(f"The number of tags has reached the maximum limit of {TAGS_PER_ENTITY}.")
