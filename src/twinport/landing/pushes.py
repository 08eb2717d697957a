"""A push in one transaction. What a client may mean by a push that changes nothing is decided here.

The rules that hold for copies as well are in `rules`; the laws in docs/write-order.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, registries, repositories, storage
from twinport.catalog.regional.images import NewImage, Standing
from twinport.catalog.regional.repositories import Against
from twinport.landing import obligations, rules
from twinport.landing.terms import FixedTag, Home, Onward, Parts, Terms
from twinport.model.content import Digest
from twinport.model.images import ImageStatus, Position, Repository
from twinport.model.names import Registry, RepositoryName, TagName
from twinport.refusals.images import ImageExists
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
    BEGUN = "begun: the transactions that follow restore the image and owe its deliveries"
    OWED_AGAIN = "owed again: copies had failed, and nothing else changed"


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
    home = Home(repositories.lock(db, registry, name, Against.CHANGES), settings, now)
    terms, before = terms_of(push.parts, quotas), images.standing(db, home.repository.id, image)
    if before is None or not before.is_damaged:
        return _store(db, home, terms, push, image, before)
    images.heal(db, home.repository.id, image)
    _store(db, home, terms, replace(push, unchanged=Unchanged.WELCOME), image, before)
    return Change.HEALED


def terms_of(parts: Parts, quotas: Quotas) -> Terms:
    """Return the terms of pushes in a deployment with these quotas."""
    return Terms(parts, quotas.images, FixedTag.REFUSES, Onward.DELIVERED)


def _store(db: Connection, home: Home, terms: Terms, push: Push, image: NewImage, before: Standing | None) -> Change:
    image = _judged(db, home, terms, image)
    if image.sparse:  # copies are whole
        terms = replace(terms, onward=Onward.NOWHERE)
    is_back = before is not None and _is_back(before, image)
    if is_back and rules.is_long_restore(db, home, image):
        return _begin(db, home, terms, push, image)
    if before is not None and (image.manifest.children or before.status is not ImageStatus.ACTIVE):
        rules.restore(db, home, image.digest)
    new = _new_tags(db, home, terms, push, image, every=is_back)
    if new:
        rules.store(db, home, terms, image)
        rules.name(db, home, terms, image.digest, _at_new_positions(db, home, new))
    is_owed_again = _owe_again(db, home, terms, image, [tag for tag in push.tags or (None,) if tag not in new])
    if new:
        return Change.STORED
    return Change.OWED_AGAIN if is_owed_again else Change.NONE


def _owe_again(db: Connection, home: Home, terms: Terms, image: NewImage, unchanged: Sequence[TagName | None]) -> bool:
    """Owe again what failed under tags that the push does not change. Tell whether there is any."""
    if terms.onward is not Onward.DELIVERED:
        return False
    return obligations.owe_again(db, home, image.digest, unchanged)


def _begin(db: Connection, home: Home, terms: Terms, push: Push, image: NewImage) -> Change:
    """Begin the restore of a stored image that is pushed. Its tags move now; deliveries are owed as it goes on."""
    wanted = replace(push, unchanged=Unchanged.WELCOME)
    new = _new_tags(db, home, terms, wanted, image, every=False)
    rules.store(db, home, terms, image)
    storage.begin_to_activate(db, home.repository.id, image.digest)
    later = replace(terms, onward=Onward.NOWHERE)
    rules.name(db, home, later, image.digest, _at_new_positions(db, home, new))
    return Change.BEGUN


def _judged(db: Connection, home: Home, terms: Terms, image: NewImage) -> NewImage:
    """Mark an image that may be sparse as sparse or not."""
    match terms.parts:
        case Parts.REQUIRED:
            return image
        case Parts.SPARSE:
            return replace(image, sparse=not images.is_whole(db, home.repository, image.manifest))


def _is_back(before: Standing, image: NewImage) -> bool:
    """Tell whether the push makes a stored image active that was not, or whole that was sparse."""
    return before.status is not ImageStatus.ACTIVE or (before.is_sparse and not image.sparse)


def _new_tags(
    db: Connection, home: Home, terms: Terms, push: Push, image: NewImage, *, every: bool
) -> list[TagName | None]:
    """Return the tags that change; all tags of an image if it becomes whole or active: its deliveries are owed now."""
    wanted: Sequence[TagName | None] = tuple(dict.fromkeys(push.tags)) or (None,)
    if every:
        own = [TagName(tag) for tag in images.tags_of(db, home.repository.id, image.digest)]
        others = [tag for tag in wanted if tag not in own and _moves(db, home, terms, tag, image, Unchanged.ACCEPT)]
        return [*own, *others] or [None]
    return [tag for tag in wanted if _moves(db, home, terms, tag, image, push.unchanged)]


def _moves(
    db: Connection, home: Home, terms: Terms, tag: TagName | None, image: NewImage, unchanged: Unchanged
) -> bool:
    """Tell whether the push changes what the tag names. Raises ImageExists and TagImmutable."""
    repository, digest = home.repository, image.digest
    current = _current(db, repository, tag, digest)
    if current == digest and unchanged is Unchanged.REFUSE:
        raise ImageExists(str(digest), tag or "null", repository.name, repository.registry.account)
    if current == digest and unchanged is Unchanged.WELCOME:
        return False
    if tag is not None and rules.stays(home, terms, tag, current, digest):
        return False
    return current != digest


def _at_new_positions(db: Connection, home: Home, tags: Sequence[TagName | None]) -> Mapping[TagName | None, Position]:
    """Take a new position for each tag, or for the image alone."""
    taken = registries.next_positions(db, home.repository.registry.account, len(tags)) if tags else []
    return dict(zip(tags, taken, strict=True))


def _current(db: Connection, repository: Repository, tag: str | None, digest: Digest) -> Digest | None:
    """Return the digest that the tag names now; without a tag, the image itself if it is there."""
    if tag is not None:
        return images.tagged(db, repository.id, tag)
    return digest if images.holds(db, repository.id, digest) else None
