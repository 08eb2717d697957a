"""The rules of an image that comes into a repository. Each stands here once, for pushes and copies alike.

Parts come before the whole and the tag last (law 2); deliveries are owed in the transaction of the change (law 3). What
a push and a copy differ in on purpose is a field of `Terms`; docs/decisions/0045-one-landing.md says why.
"""

from collections.abc import Mapping, Sequence

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, referrer_moves, scans, storage
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.standing import Standing
from twinport.landing import obligations
from twinport.landing.terms import FixedTag, Home, Onward, Parts, Terms
from twinport.model.content import Digest
from twinport.model.images import TAGS_PER_IMAGE, Position, Repository
from twinport.model.names import TagName
from twinport.refusals.images import TagImmutable, TooManyImages
from twinport.refusals.requests import TagLimitReached

# How many deliveries one transaction owes (all of one tag at least), and how many parts of an index it restores.
DELIVERIES_AT_ONCE = 500
PARTS_AT_ONCE = 500


def store(db: Connection, home: Home, terms: Terms, image: NewImage, standing: Standing | None = None) -> bool:
    """Store an image unless it is there. If it is new, owe its scan and restore what it contains. Tell whether it was.

    `standing` is what stands where a push brings an image that is not there yet; its tags follow. Other bytes that are
    stored under its digest are replaced. Raises TooManyImages, and what `require_parts` raises.
    """
    repository = home.repository
    if terms.parts is Parts.REQUIRED:
        images.require_parts(db, repository, image.manifest, standing.blobs if standing else None)
    is_named = standing is not None and bool(standing.tags)
    if not images.store_manifest(db, repository.id, image, home.now, is_named=is_named):
        return False
    if terms.most_images is not None and images.reaches(db, repository.id, terms.most_images + 1):
        raise TooManyImages(repository.name, repository.registry.account, terms.most_images)
    scans.owe(db, repository, home.settings.scanning, (image.digest, image.manifest), home.now)
    if image.manifest.children:
        restore(db, home, image.digest)
    return True


def restore(db: Connection, home: Home, digest: Digest) -> Sequence[Digest]:
    """Take an image out of the archive with all that it contains, and owe their scans. Return what lay there.

    The referrers of what is restored follow in transactions of their own.
    """
    restored = storage.activate(db, home.repository.id, digest, home.now)
    referrer_moves.begin(db, home.repository.id, restored)
    scans.owe_restored(db, home.repository, home.settings.scanning, restored, home.now)
    return restored


def is_long_restore(db: Connection, home: Home, image: NewImage) -> bool:
    """Tell whether a push that makes an image active or whole leaves that to the transactions that follow."""
    if len(image.manifest.children) > PARTS_AT_ONCE:
        return True
    tags = [TagName(tag) for tag in images.tags_of(db, home.repository.id, image.digest)]
    return not image.sparse and len(tags) > obligations.in_one_transaction(home, image.digest, tags, DELIVERIES_AT_ONCE)


def restore_parts(db: Connection, home: Home, index: Digest, limit: int) -> Sequence[Digest]:
    """As `restore`, for some of what an index contains, and not for the index."""
    restored = storage.activate_parts(db, home.repository.id, index, home.now, limit)
    referrer_moves.begin(db, home.repository.id, restored)
    scans.owe_restored(db, home.repository, home.settings.scanning, restored, home.now)
    return restored


def stays(home: Home, terms: Terms, tag: str, current: Digest | None, digest: Digest) -> bool:
    """Tell whether the tag rule keeps a tag, which names `current`, from moving to an image.

    Raises TagImmutable if the terms say so.
    """
    if current is None or not home.repository.tag_rule.forbids_moving(tag):
        return False
    if terms.fixed_tag is FixedTag.REFUSES:
        raise TagImmutable(tag, home.repository.name)
    return current != digest


def name(
    db: Connection,
    home: Home,
    terms: Terms,
    digest: Digest,
    changes: Mapping[TagName | None, Position],
    standing: Standing | None = None,
) -> None:
    """Move tags to an image, each at its position, and owe the deliveries of each change.

    None stands for a change of the image alone. `standing` is given as to `store`, of an image that was new. Raises
    TagLimitReached.
    """
    repository, new = home.repository, [tag for tag in changes if tag is not None]
    # An image that was new has no tags.
    if standing is None or len(new) > TAGS_PER_IMAGE:
        _require_tag_quota(db, repository, digest, new)
    moved: dict[str, Position] = {tag: position for tag, position in changes.items() if tag is not None}
    if moved:
        images.move_tags(db, repository.id, digest, moved, home.now, standing)
    if terms.onward is Onward.DELIVERED:
        obligations.owe(db, home, digest, changes)


def _require_tag_quota(db: Connection, repository: Repository, digest: Digest, new: Sequence[TagName]) -> None:
    if new and len({*images.tags_of(db, repository.id, digest), *new}) > TAGS_PER_IMAGE:
        raise TagLimitReached(new[-1], repository.name, repository.registry.account, TAGS_PER_IMAGE)
