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
    case = _Case(home, terms_of(push.parts, quotas), push, image, _read(db, home, push, image))
    if not case.is_damaged:
        return _store(db, case)
    images.heal(db, home.repository.id, image)
    _store(db, replace(case, push=replace(push, unchanged=Unchanged.WELCOME)))
    return Change.HEALED


@dataclass(frozen=True, slots=True)
class _Case:
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


def _store(db: Connection, case: _Case) -> Change:
    case = _judged(db, case)
    home, image, stored = case.home, case.image, case.before.image
    if case.is_back and rules.is_long_restore(db, home, image):
        return _begin(db, case)
    if stored is not None and (image.manifest.children or stored.status is not ImageStatus.ACTIVE):
        rules.restore(db, home, image.digest)
    new = _tags_of_a_return(db, case) if case.is_back else _new_tags(case, case.push.unchanged)
    if new:
        of_a_new_image = case.before if stored is None else None
        rules.store(db, home, case.terms, image, of_a_new_image)
        rules.name(db, home, case.terms, image.digest, _at_new_positions(db, home, new), of_a_new_image)
    is_owed_again = _owe_again(db, case, [tag for tag in case.tags if tag not in new])
    if new:
        return Change.STORED
    return Change.OWED_AGAIN if is_owed_again else Change.NONE


def _owe_again(db: Connection, case: _Case, unchanged: Sequence[TagName | None]) -> bool:
    """Owe again what failed under tags that the push does not change. Tell whether there is any."""
    if case.terms.onward is not Onward.DELIVERED:
        return False
    return obligations.owe_again(db, case.home, case.image.digest, unchanged)


def _begin(db: Connection, case: _Case) -> Change:
    """Begin the restore of a stored image that is pushed. Its tags move now; deliveries are owed as it goes on."""
    home, digest = case.home, case.image.digest
    new = _new_tags(case, Unchanged.WELCOME)
    rules.store(db, home, case.terms, case.image)
    storage.begin_to_activate(db, home.repository.id, digest)
    rules.name(db, home, replace(case.terms, onward=Onward.NOWHERE), digest, _at_new_positions(db, home, new))
    return Change.BEGUN


def _judged(db: Connection, case: _Case) -> _Case:
    """Mark an image that may be sparse as sparse or not. A sparse one is not replicated, since copies are whole."""
    if case.terms.parts is Parts.REQUIRED or images.is_whole(db, case.home.repository, case.image.manifest):
        return case
    return replace(case, image=replace(case.image, sparse=True), terms=replace(case.terms, onward=Onward.NOWHERE))


def _tags_of_a_return(db: Connection, case: _Case) -> list[TagName | None]:
    """Return all tags of an image that becomes whole or active, and those that the push adds: all are owed now.

    An image without any is owed as such.
    """
    own = [TagName(tag) for tag in images.tags_of(db, case.home.repository.id, case.image.digest)]
    others = [tag for tag in case.tags if tag not in own and _moves(case, tag, Unchanged.ACCEPT)]
    return [*own, *others] or [None]


def _new_tags(case: _Case, unchanged: Unchanged) -> list[TagName | None]:
    """Return the tags that change; None stands for the image alone."""
    return [tag for tag in case.tags if _moves(case, tag, unchanged)]


def _moves(case: _Case, tag: TagName | None, unchanged: Unchanged) -> bool:
    """Tell whether the push changes what the tag names. Raises ImageExists and TagImmutable."""
    repository, digest = case.home.repository, case.image.digest
    current = case.now_named(tag)
    if current == digest and unchanged is Unchanged.REFUSE:
        raise ImageExists(str(digest), tag or "null", repository.name, repository.registry.account)
    if current == digest and unchanged is Unchanged.WELCOME:
        return False
    if tag is not None and rules.stays(case.home, case.terms, tag, current, digest):
        return False
    return current != digest


def _at_new_positions(db: Connection, home: Home, tags: Sequence[TagName | None]) -> Mapping[TagName | None, Position]:
    """Take a new position for each tag, or for the image alone."""
    taken = registries.next_positions(db, home.repository.registry.account, len(tags)) if tags else []
    return dict(zip(tags, taken, strict=True))
