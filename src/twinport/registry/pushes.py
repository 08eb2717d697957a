"""A push in one transaction: manifest, tag, immutability, position, and what is owed to other registries (law 3)."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from twinport.catalog import images, outbox, registries, repositories
from twinport.catalog.database import Connection
from twinport.catalog.images import NewImage
from twinport.errors import ImageExists, TagImmutable, TagLimitReached
from twinport.model.content import Digest
from twinport.model.images import TAGS_PER_IMAGE, Repository
from twinport.model.names import Registry, RepositoryName, TagName
from twinport.replication import planner


class Unchanged(Enum):
    """What a push means that would change nothing: PutImage refuses it, the registry protocol is content."""

    REFUSE = "refuse"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Push:
    """What a client sends: bytes, and as what. `digest` is the one under which it wants to find them."""

    content: bytes
    media_type: str | None
    tag: TagName | None
    digest: Digest | None
    unchanged: Unchanged


def store(
    db: Connection, repository: tuple[Registry, RepositoryName], push: Push, image: NewImage, now: datetime
) -> bool:
    """Store an image, move its tag and owe its deliveries, all or nothing. Tell whether anything changed.

    Raises RepositoryNotFound, ImageExists, TagImmutable, TagLimitReached, and what `require_parts` raises.
    """
    registry, name = repository
    found = repositories.get(db, registry, name)
    if _changes_nothing(db, found, push, image.digest):
        return False
    images.require_parts(db, found, image.manifest)
    _require_room(db, found, push.tag, image.digest)
    images.store_manifest(db, found.id, image, now)
    position = registries.next_position(db, registry.account)
    if push.tag is not None:
        images.move_tag(db, found.id, push.tag, image.digest, position, now)
    rules = registries.settings(db, registry.account).replication
    outbox.owe(db, registry, planner.plan(rules, registry, name, image.digest, push.tag), position, now)
    return True


def _changes_nothing(db: Connection, repository: Repository, push: Push, digest: Digest) -> bool:
    current = _current(db, repository, push.tag, digest)
    if current == digest and push.unchanged is Unchanged.REFUSE:
        raise ImageExists(str(digest), push.tag or "null", repository.name, repository.registry.account)
    # ECR refuses a docker push to an immutable tag even if it is of the image that the tag names.
    if push.tag is not None and current is not None and repository.tag_rule.forbids_moving(push.tag):
        raise TagImmutable(push.tag, repository.name)
    return current == digest


def _current(db: Connection, repository: Repository, tag: str | None, digest: Digest) -> Digest | None:
    """Return what the tag names now; without a tag, the image itself if it is there."""
    if tag is not None:
        return images.tagged(db, repository.id, tag)
    return digest if images.holds(db, repository.id, digest) else None


def _require_room(db: Connection, repository: Repository, tag: str | None, digest: Digest) -> None:
    if tag is not None and len(images.tags_of(db, repository.id, digest)) >= TAGS_PER_IMAGE:
        raise TagLimitReached(tag, repository.name, repository.registry.account, TAGS_PER_IMAGE)
