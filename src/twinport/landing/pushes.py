"""A push in one transaction. What a client may mean by a push that changes nothing is decided here.

The rules that hold for copies as well are in `rules`; the laws in docs/write-order.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, registries, standing, storage
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.standing import Standing
from twinport.landing import obligations, rules
from twinport.landing.terms import FixedTag, Home, Onward, Parts, Terms
from twinport.model.content import Digest
from twinport.model.images import ImageStatus, Position
from twinport.model.names import RepositoryId, TagName
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
    repository: RepositoryId,
    push: Push,
    image: NewImage,
    now: datetime,
    quotas: Quotas = UNLIMITED,
) -> Change:
    """Store an image, move its tags and owe its deliveries, all or nothing. Tell what changed.

    Other bytes that are stored under its digest are replaced, and an archived image is restored. Raises
    RepositoryNotFound, ImageExists, TagImmutable, TagLimitReached, TooManyImages, and what `require_parts` raises.
    """
    settings, home_repository = registries.hold_with(db, repository)
    home = Home(home_repository, settings, now)
    it = _Arrival(home, terms_of(push.parts, quotas), push, image, _read(db, home, push, image))
    if not it.is_damaged:
        return _store(db, it)
    images.heal(db, home.repository.id, image)
    _store(db, replace(it, push=replace(push, unchanged=Unchanged.WELCOME)))
    return Change.HEALED


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A push with where it goes and what stood there before."""

    home: Home
    terms: Terms
    push: Push
    image: NewImage
    before: Standing

    @property
    def is_damaged(self) -> bool:
        return self.before.image is not None and self.before.image.is_damaged

    @property
    def is_back(self) -> bool:
        """Tell whether the push makes a stored image active that was not, or whole that was sparse."""
        stored = self.before.image
        return stored is not None and (
            stored.status is not ImageStatus.ACTIVE or (stored.is_sparse and not self.image.sparse)
        )

    @property
    def tags(self) -> Sequence[TagName | None]:
        return tuple(dict.fromkeys(self.push.tags)) or (None,)

    def now_named(self, tag: TagName | None) -> Digest | None:
        """Return the digest that the tag names before the push; without a tag, the image itself if it is there."""
        if tag is not None:
            return self.before.tags[tag]
        return None if self.before.image is None else self.image.digest


def _read(db: Connection, home: Home, push: Push, image: NewImage) -> Standing:
    parts = [each.digest for each in image.manifest.blobs]
    return standing.read(db, home.repository.id, (image.digest, image.content), dict.fromkeys(push.tags), parts)


def terms_of(parts: Parts, quotas: Quotas) -> Terms:
    """Return the terms of pushes in a deployment with these quotas."""
    return Terms(parts, quotas.images, FixedTag.REFUSES, Onward.DELIVERED)


def _store(db: Connection, it: _Arrival) -> Change:
    it = _judged(db, it)
    home, image, stored = it.home, it.image, it.before.image
    if it.is_back and rules.is_long_restore(db, home, image):
        return _begin(db, it)
    if stored is not None and (image.manifest.children or stored.status is not ImageStatus.ACTIVE):
        rules.restore(db, home, image.digest)
    new = _tags_of_a_return(db, it) if it.is_back else _new_tags(it, it.push.unchanged)
    if new:
        of_a_new_image = it.before if stored is None else None
        rules.store(db, home, it.terms, image, of_a_new_image)
        rules.name(db, home, it.terms, image.digest, _at_new_positions(db, home, new), of_a_new_image)
    is_owed_again = _owe_again(db, it, [tag for tag in it.tags if tag not in new])
    if new:
        return Change.STORED
    return Change.OWED_AGAIN if is_owed_again else Change.NONE


def _owe_again(db: Connection, it: _Arrival, unchanged: Sequence[TagName | None]) -> bool:
    """Owe again what failed under tags that the push does not change. Tell whether there is any."""
    if it.terms.onward is not Onward.DELIVERED:
        return False
    return obligations.owe_again(db, it.home, it.image.digest, unchanged)


def _begin(db: Connection, it: _Arrival) -> Change:
    """Begin the restore of a stored image that is pushed. Its tags move now; deliveries are owed as it goes on."""
    home, digest = it.home, it.image.digest
    new = _new_tags(it, Unchanged.WELCOME)
    rules.store(db, home, it.terms, it.image)
    storage.begin_to_activate(db, home.repository.id, digest)
    rules.name(db, home, replace(it.terms, onward=Onward.NOWHERE), digest, _at_new_positions(db, home, new))
    return Change.BEGUN


def _judged(db: Connection, it: _Arrival) -> _Arrival:
    """Mark an image that may be sparse as sparse or not. A sparse one is not replicated, since copies are whole."""
    if it.terms.parts is Parts.REQUIRED or images.is_whole(db, it.home.repository, it.image.manifest):
        return it
    return replace(it, image=replace(it.image, sparse=True), terms=replace(it.terms, onward=Onward.NOWHERE))


def _tags_of_a_return(db: Connection, it: _Arrival) -> list[TagName | None]:
    """Return all tags of an image that becomes whole or active, and those that the push adds: all are owed now.

    An image without any is owed as such.
    """
    own = [TagName(tag) for tag in images.tags_of(db, it.home.repository.id, it.image.digest)]
    others = [tag for tag in it.tags if tag not in own and _moves(it, tag, Unchanged.ACCEPT)]
    return [*own, *others] or [None]


def _new_tags(it: _Arrival, unchanged: Unchanged) -> list[TagName | None]:
    """Return the tags that change; None stands for the image alone."""
    return [tag for tag in it.tags if _moves(it, tag, unchanged)]


def _moves(it: _Arrival, tag: TagName | None, unchanged: Unchanged) -> bool:
    """Tell whether the push changes what the tag names. Raises ImageExists and TagImmutable."""
    repository, digest = it.home.repository, it.image.digest
    current = it.now_named(tag)
    if current == digest and unchanged is Unchanged.REFUSE:
        raise ImageExists(str(digest), tag or "null", repository.name, repository.registry.account)
    if current == digest and unchanged is Unchanged.WELCOME:
        return False
    if tag is not None and rules.stays(it.home, it.terms, tag, current, digest):
        return False
    return current != digest


def _at_new_positions(db: Connection, home: Home, tags: Sequence[TagName | None]) -> Mapping[TagName | None, Position]:
    """Take a new position for each tag, or for the image alone."""
    taken = registries.next_positions(db, home.repository.registry.account, len(tags)) if tags else []
    return dict(zip(tags, taken, strict=True))
