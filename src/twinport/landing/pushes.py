"""A push in one transaction: manifest, tags, immutability, position, the scan, and deliveries (law 3).

The laws: docs/write-order.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, outbox, registries, repositories, scans, storage
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.registries import RegistrySettings
from twinport.catalog.regional.repositories import Against
from twinport.landing import planner
from twinport.model.content import Digest
from twinport.model.images import TAGS_PER_IMAGE, ImageStatus, Repository
from twinport.model.names import Registry, RepositoryName, TagName
from twinport.model.replication import ReplicationConfiguration
from twinport.refusals.images import ImageExists, TagImmutable, TooManyImages
from twinport.refusals.requests import TagLimitReached
from twinport.settings.deviations import UNLIMITED, Quotas


class Unchanged(Enum):
    """How a push that would change nothing is treated: PutImage refuses it, the registry protocol accepts it.

    A push whose bytes replaced damaged ones is welcome, even under an immutable tag that names the image.
    """

    REFUSE = "refuse"
    ACCEPT = "accept"
    WELCOME = "welcome"


class Change(Enum):
    """The change that a push made."""

    NONE = "none"
    STORED = "stored: an image, a tag or both"
    HEALED = "healed: bytes were damaged, and perhaps stored too"
    OWED_AGAIN = "owed again: copies had failed, and nothing else changed"


class Parts(Enum):
    """Whether everything that a manifest refers to must be there already (law 2), or the operator lets it be sparse."""

    REQUIRED = "required"
    SPARSE = "sparse"


@dataclass(frozen=True, slots=True)
class Push:
    """What a client sends: bytes, their media type and tags. `digest` is the one under which it wants to find them."""

    content: bytes
    media_type: str | None
    tags: tuple[TagName, ...]
    digest: Digest | None
    unchanged: Unchanged
    parts: Parts = Parts.REQUIRED


def store(
    db: Connection,
    repository: tuple[Registry, RepositoryName],
    push: Push,
    image: NewImage,
    now: datetime,
    quotas: Quotas = UNLIMITED,
) -> Change:
    """Store an image, move its tags and owe its deliveries, all or nothing. Tell what changed.

    Other bytes that are stored under its digest are replaced, and an archived image is restored. Raises
    RepositoryNotFound, ImageExists, TagImmutable, TagLimitReached, TooManyImages, and what `require_parts` raises.
    """
    registry, name = repository
    settings = registries.hold(db, registry.account)
    found = repositories.lock(db, registry, name, Against.CHANGES)
    if not images.heal(db, found.id, image):
        return _store(db, (found, settings), push, image, now, quotas)
    _store(db, (found, settings), replace(push, unchanged=Unchanged.WELCOME), image, now, quotas)
    return Change.HEALED


def _store(
    db: Connection,
    home: tuple[Repository, RegistrySettings],
    push: Push,
    image: NewImage,
    now: datetime,
    quotas: Quotas,
) -> Change:
    found, settings = home
    rules = settings.replication
    image = _judged(db, found, push.parts, image)
    restored = _restore(db, found, image, now)
    is_back = image.digest in restored
    new = _new_tags(db, found, replace(push, unchanged=Unchanged.WELCOME) if is_back else push, image, every=is_back)
    if new:
        if push.parts is Parts.REQUIRED:
            images.require_parts(db, found, image.manifest)
        _require_tag_quota(db, found, [tag for tag in new if tag is not None], image.digest)
        restored += _add(db, home, image, now, quotas)
    scans.owe_restored(db, found, settings.scanning, restored, now)
    for tag in new:
        _name(db, rules, found, image, tag, now)
    unchanged = [tag for tag in push.tags or (None,) if tag not in new]
    owed_again = [tag for tag in unchanged if _owe_again(db, rules, found, image, tag, now)]
    if new:
        return Change.STORED
    return Change.OWED_AGAIN if owed_again else Change.NONE


def _add(
    db: Connection, home: tuple[Repository, RegistrySettings], image: NewImage, now: datetime, quotas: Quotas
) -> list[Digest]:
    """Store an image if it is new, and owe its scan. Return what a new index takes out of the archive."""
    repository, settings = home
    if not images.store_manifest(db, repository.id, image, now):
        return []
    _require_image_quota(db, repository, quotas)
    scans.owe(db, repository, settings.scanning, (image.digest, image.manifest), now)
    return _restore(db, repository, image, now) if image.manifest.children else []


def _name(
    db: Connection,
    rules: ReplicationConfiguration,
    repository: Repository,
    image: NewImage,
    tag: TagName | None,
    now: datetime,
) -> None:
    """Take a new position, move the tag to the image if there is one, and owe the deliveries of this change."""
    registry = repository.registry
    position = registries.next_position(db, registry.account)
    if tag is not None:
        images.move_tag(db, repository.id, tag, image.digest, position, now)
    if not image.sparse:
        outbox.owe(db, registry, planner.plan(rules, registry, repository.name, image.digest, tag), position, now)


def _owe_again(
    db: Connection,
    rules: ReplicationConfiguration,
    repository: Repository,
    image: NewImage,
    tag: TagName | None,
    now: datetime,
) -> bool:
    """Owe an unchanged image again to those current destinations whose copy failed. Tell whether there are any.

    The reason is in docs/decisions/0023-failed-copies-and-the-same-push.md. With a tag, the deliveries have the tag's
    position, so that they move nothing back; without one, they have a new position.
    """
    registry = repository.registry
    planned = planner.plan(rules, registry, repository.name, image.digest, tag)
    failed = [] if image.sparse else outbox.failed(db, registry.account, planned)
    if not failed:
        return False
    account = registry.account
    position = registries.next_position(db, account) if tag is None else images.position(db, repository.id, tag)
    outbox.owe(db, registry, failed, position, now)
    return True


def _judged(db: Connection, repository: Repository, parts: Parts, image: NewImage) -> NewImage:
    """Mark an image that may be sparse as sparse or not. Sparse images owe no deliveries, since copies are whole."""
    match parts:
        case Parts.REQUIRED:
            return image
        case Parts.SPARSE:
            return replace(image, sparse=not images.is_whole(db, repository, image.manifest))


def _restore(db: Connection, repository: Repository, image: NewImage, now: datetime) -> list[Digest]:
    """Take the pushed image out of the archive, and what an index contains. Return what lay there."""
    if not image.manifest.children and storage.status_of(db, repository.id, image.digest) is ImageStatus.ACTIVE:
        return []
    return storage.activate(db, repository.id, image.digest, now)


def _new_tags(
    db: Connection, repository: Repository, push: Push, image: NewImage, *, every: bool
) -> list[TagName | None]:
    """Return the tags that change; all tags of an image if it becomes whole or active: its deliveries are owed now."""
    wanted = push.tags or (None,)
    if every or (not image.sparse and images.is_sparse(db, repository.id, image.digest)):
        own = [TagName(tag) for tag in images.tags_of(db, repository.id, image.digest)]
        others = [tag for tag in wanted if tag not in own and _moves(db, repository, tag, image, Unchanged.ACCEPT)]
        return [*own, *others] or [None]
    return [tag for tag in wanted if _moves(db, repository, tag, image, push.unchanged)]


def _moves(db: Connection, repository: Repository, tag: TagName | None, image: NewImage, unchanged: Unchanged) -> bool:
    """Tell whether the push changes what the tag names. Raises ImageExists and TagImmutable."""
    digest = image.digest
    current = _current(db, repository, tag, digest)
    if current == digest and unchanged is Unchanged.REFUSE:
        raise ImageExists(str(digest), tag or "null", repository.name, repository.registry.account)
    if current == digest and unchanged is Unchanged.WELCOME:
        return False
    # ECR refuses a docker push to an immutable tag even if it is of the image that the tag names.
    if tag is not None and current is not None and repository.tag_rule.forbids_moving(tag):
        raise TagImmutable(tag, repository.name)
    return current != digest


def _current(db: Connection, repository: Repository, tag: str | None, digest: Digest) -> Digest | None:
    """Return the digest that the tag names now; without a tag, the image itself if it is there."""
    if tag is not None:
        return images.tagged(db, repository.id, tag)
    return digest if images.holds(db, repository.id, digest) else None


def _require_tag_quota(db: Connection, repository: Repository, new: Sequence[TagName], digest: Digest) -> None:
    if new and len({*images.tags_of(db, repository.id, digest), *new}) > TAGS_PER_IMAGE:
        raise TagLimitReached(new[-1], repository.name, repository.registry.account, TAGS_PER_IMAGE)


def _require_image_quota(db: Connection, repository: Repository, quotas: Quotas) -> None:
    most = quotas.images
    if most is not None and images.reaches(db, repository.id, most + 1):
        raise TooManyImages(repository.name, repository.registry.account, most)
