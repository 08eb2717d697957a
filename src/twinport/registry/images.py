"""The verbs of images: put, get, list, describe and delete."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from twinport.access import lasting
from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog import pulls, tag_lists
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import images, registries, repositories, scans
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.repositories import Against
from twinport.catalog.regional.storage import Activating
from twinport.landing import pushes, restores
from twinport.landing.pushes import Change, Push
from twinport.landing.restores import Progress
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import (
    ImageDetail,
    ImageFilter,
    ImageId,
    ImageStatus,
    NamedImage,
    Repository,
    StoredManifest,
)
from twinport.model.manifests import parse_manifest
from twinport.model.names import Registry, RepositoryId, TagName
from twinport.processes.hashing import damaged, run_over
from twinport.refusals.images import (
    ImageArchived,
    ImageDigestMismatch,
    ImageInaccessible,
    ImageNotFound,
    ImageReferenced,
    RepositoryNotFound,
)
from twinport.refusals.requests import InvalidParameter
from twinport.registry import paging
from twinport.registry.named_images import FailureCode, ImageFailure, identify
from twinport.registry.paging import Page, PageRequest
from twinport.registry.pull_reads import PullReads
from twinport.settings.deviations import UNLIMITED, Quotas

T = TypeVar("T")
PUT, PULL = "ecr:PutImage", "ecr:BatchGetImage"
_EVENTS = {
    Change.STORED: Event.IMAGE_PUT,
    Change.BEGUN: Event.IMAGE_PUT,
    Change.HEALED: Event.MANIFEST_HEALED,
    Change.OWED_AGAIN: Event.DELIVERIES_OWED_AGAIN,
}
# How many indexes one failure names.
_MOST_PARENTS = 20
_ARCHIVED = "Requested image is archived: restore it before it is pulled"


class NotedPulls(Protocol):
    """Remembers that images were pulled (`registry.pulls`)."""

    def note(self, caller: Caller, registry: Registry, repository_id: int, digest: Digest) -> None: ...


class NoPulls:
    """Remembers nothing."""

    def note(self, caller: Caller, registry: Registry, repository_id: int, digest: Digest) -> None:
        del caller, registry, repository_id, digest


@dataclass(frozen=True, slots=True)
class PutOutcome:
    """The result of a push. `subject` is the digest that the manifest refers to as its subject, there or not."""

    digest: Digest
    media_type: str
    tags: tuple[TagName, ...]
    subject: Digest | None


@dataclass(frozen=True, slots=True)
class Gotten:
    """The images of a batch that were found, in the order of the request, and the failures of the others."""

    found: tuple[StoredManifest, ...]
    failures: tuple[ImageFailure, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """What a batch removed: an entry for each tag, and one without a tag for an image that had none."""

    removed: tuple[ImageId, ...]
    failures: tuple[ImageFailure, ...]


@dataclass(frozen=True, slots=True)
class Images:
    """The verbs of images. Each raises RepositoryNotFound for a repository that is not there.

    `pushed` is called after every push that changed something, so that couriers need not wait for their next look.
    """

    gate: Gate
    catalog: Catalog
    pushed: Callable[[], None]
    quotas: Quotas = UNLIMITED
    pulls: NotedPulls = field(default_factory=NoPulls)

    async def put(self, caller: Caller, repository: RepositoryId, push: Push) -> PutOutcome:
        """Store an image whose parts are all here, move its tags, and owe its deliveries in the same transaction.

        For tags that the push does not change, failed deliveries are owed again.

        Raises ManifestInvalid, ImageDigestMismatch, LayersMissing, ReferencedImagesMissing, DescriptorSizeWrong,
        TagImmutable, TagLimitReached, TooManyImages, and ImageExists for a push that changes nothing, if the push asks
        to be refused then.
        """
        await self._authorize(caller, PUT, repository)
        image = await _parsed(push)
        if push.digest not in (None, image.digest):
            raise ImageDigestMismatch(str(push.digest), repository.name, repository.account)
        changed = await self.catalog.region(repository.region).write(
            lambda db: pushes.store(db, repository, push, image, self.catalog.now(db), self.quotas)
        )
        if changed in (Change.BEGUN, Change.HEALED):
            await self._go_on(Activating(repository, image.digest))
        if changed is not Change.NONE:
            self.pushed()
            telemetry.event(_EVENTS[changed], **_facts(repository, image.digest), tags=", ".join(push.tags))
        return PutOutcome(image.digest, image.manifest.media_type, push.tags, image.manifest.subject)

    async def get(self, caller: Caller, repository: RepositoryId, image: ImageId) -> StoredManifest:
        """Return a manifest as it was pushed, and note the pull.

        Raises ImageNotFound, ImageArchived, ImageInaccessible.
        """
        repository_id, found = await self._pullable(caller, repository, image)
        self.pulls.note(caller, repository.registry, repository_id, found.digest)
        return found

    async def look(self, caller: Caller, repository: RepositoryId, image: ImageId) -> StoredManifest:
        """As `get`, for a client that does not want the manifest itself: this is no pull."""
        return (await self._pullable(caller, repository, image))[1]

    async def get_many(self, caller: Caller, repository: RepositoryId, batch: Sequence[NamedImage]) -> Gotten:
        """Return the images of a batch that are there, and a reason for each of the others."""
        await self._authorize(caller, PULL, repository)
        repository_id, found = await self._read_much(repository, lambda db, row: (row.id, _each_stored(db, row, batch)))
        stored = [each for _, each in found if isinstance(each, StoredManifest)]
        unread = await _damaged(repository, stored)
        unreadable = [
            ImageFailure(named, FailureCode.INACCESSIBLE)
            for named, each in found
            if isinstance(each, StoredManifest) and each.digest in unread
        ]
        failed = [each for _, each in found if isinstance(each, ImageFailure)]
        whole = tuple(each for each in stored if each.digest not in unread)
        for each in whole:
            self.pulls.note(caller, repository.registry, repository_id, each.digest)
        return Gotten(whole, (*failed, *unreadable))

    async def list(
        self, caller: Caller, repository: RepositoryId, chosen: ImageFilter, page: PageRequest
    ) -> Page[ImageId]:
        """Return a page of images: an entry for each tag, and one without a tag for each image that has none."""
        await self._authorize(caller, "ecr:ListImages", repository)
        request = ("ListImages", str(repository.registry), repository.name, *chosen.words)
        digest, tag = paging.start(page, request, ("", ""))
        found = await self._read_much(
            repository,
            lambda db, row: images.listed(db, row.id, chosen, (digest, tag), page.limit + 1),
        )
        return paging.cut(found, page, request, lambda image: (str(image.digest), image.tag or ""))

    async def describe(
        self, caller: Caller, repository: RepositoryId, batch: Sequence[NamedImage]
    ) -> Sequence[ImageDetail]:
        """Describe the named images, each once. Raises ImageNotFound for the first that is not there."""
        await self._authorize(caller, "ecr:DescribeImages", repository)
        return await self._read_much(repository, lambda db, row: _described(db, row, batch))

    async def describe_all(
        self, caller: Caller, repository: RepositoryId, chosen: ImageFilter, page: PageRequest
    ) -> Page[ImageDetail]:
        """Describe a page of the repository's images, in the order of their digests: fewer if they have many tags."""
        await self._authorize(caller, "ecr:DescribeImages", repository)
        request = ("DescribeImages", str(repository.registry), repository.name, *chosen.words)
        (after,) = paging.start(page, request, ("",))
        found = await self._read_much(repository, lambda db, row: _described_page(db, row, chosen, after, page.limit))
        details, more = found
        return paging.page(details, request, lambda detail: (str(detail.digest),), more=more)

    async def delete(self, caller: Caller, repository: RepositoryId, batch: Sequence[NamedImage]) -> Removed:
        """Remove images by digest with all their tags, or tags alone; an image goes with its last tag.

        An image that an index contains stays, and is one of the failures. Each image goes whole; a batch of images with
        many tags or parts goes in several transactions.
        """
        await self._authorize(caller, "ecr:BatchDeleteImage", repository)
        outcomes: list[tuple[ImageId, ...] | ImageFailure] = []
        while len(outcomes) < len(batch):
            some = partial(self._remove_some, batch=batch[len(outcomes) :])
            outcomes += await self._write(repository, some)
        return Removed(
            tuple(image for each in outcomes if not isinstance(each, ImageFailure) for image in each),
            tuple(each for each in outcomes if isinstance(each, ImageFailure)),
        )

    def _remove_some(
        self, db: Connection, repository: Repository, batch: Sequence[NamedImage]
    ) -> Sequence[tuple[ImageId, ...] | ImageFailure]:
        """Remove images until many rows are gone. Return what became of each."""
        removal, outcomes = _Removal(self.catalog.now(db)), list[tuple[ImageId, ...] | ImageFailure]()
        while len(outcomes) < len(batch) and removal.rows < images.ROWS_AT_ONCE:
            outcomes.append(_named(db, repository, batch[len(outcomes)], removal.remove))
        return outcomes

    async def remove(self, caller: Caller, repository: RepositoryId, digest: Digest) -> None:
        """Remove one image with all its tags. Raises ImageNotFound, and ImageReferenced for a part of an index."""
        answer = await self.delete(caller, repository, [NamedImage(str(digest))])
        for failure in answer.failures:
            if failure.code is FailureCode.IN_AN_INDEX:
                raise ImageReferenced(str(digest), repository.name, repository.account)
            raise ImageNotFound(str(digest), None, repository.name, repository.account)

    async def untag(self, caller: Caller, repository: RepositoryId, tag: TagName) -> None:
        """Remove a tag and leave its image (the registry protocol's deletion of a tag). Raises ImageNotFound."""
        await self._authorize(caller, "ecr:BatchDeleteImage", repository)
        if not await self._write(repository, lambda db, row: images.remove_tag(db, row.id, tag)):
            raise ImageNotFound(None, tag, repository.name, repository.account)

    async def tags(self, caller: Caller, repository: RepositoryId, after: str, limit: int) -> Sequence[str]:
        """Return at most `limit` tags in the order of their names, those after `after`."""
        decide = await self.gate.decision(caller, ("ecr:ListImages",), RepositoryResource(repository))
        region = self.catalog.region(repository.region)
        # A page is bounded and read from an index: reading it takes less time than a hand-over to a thread.
        found = await region.read(lambda db: tag_lists.page(db, repository, after, limit))
        lasting.found(repository.region, found.version)
        await decide(found.facts)
        if found.names is None:
            raise RepositoryNotFound(repository.name, repository.account)
        return found.names

    async def _go_on(self, each: Activating) -> None:
        """End the restore that a push has begun, in short transactions. If this process dies, the loop ends it."""
        go_on = partial(restores.go_on, each=each)
        database, progress = self.catalog.region(each.repository.region), Progress.GOES_ON
        while progress is Progress.GOES_ON:
            progress = await database.write(lambda db: go_on(db, now=self.catalog.now(db)))

    async def _authorize(self, caller: Caller, action: str, repository: RepositoryId) -> None:
        await self.gate.authorize(caller, action, RepositoryResource(repository))

    async def _pullable(self, caller: Caller, repository: RepositoryId, image: ImageId) -> tuple[int, StoredManifest]:
        decide = await self.gate.decision(caller, (PULL,), RepositoryResource(repository))

        row = await PullReads(self.catalog).manifest(repository, image)
        await decide(row.facts)
        repository_id, found = row.repository_id, row.manifest
        if repository_id is None:
            raise RepositoryNotFound(repository.name, repository.account)
        if found is not None and row.is_large:
            reading = partial(pulls.large_manifest, repository_id=repository_id, found=found)
            found = await self.catalog.region(repository.region).read(reading)
        if found is None:
            raise ImageNotFound(
                str(image.digest) if image.digest else None, image.tag, repository.name, repository.account
            )
        if found.status is not ImageStatus.ACTIVE:
            raise ImageArchived(str(found.digest), repository.name, repository.account)
        if await _damaged(repository, [found]):
            raise ImageInaccessible(str(found.digest), repository.name, repository.account)
        return repository_id, found

    async def _read_much(self, repository: RepositoryId, query: Callable[[Connection, Repository], T]) -> T:
        return await self.catalog.region(repository.region).read_much(
            lambda db: query(db, repositories.get(db, repository))
        )

    async def _write(self, repository: RepositoryId, change: Callable[[Connection, Repository], T]) -> T:
        return await self.catalog.region(repository.region).write(
            lambda db: change(db, repositories.lock(db, repository, Against.WRITERS))
        )


async def _damaged(repository: RepositoryId, found: Sequence[StoredManifest]) -> Collection[Digest]:
    """Return the digests of damaged manifests. Each raises an alarm and is never served."""
    digests = await damaged({each.digest: each.content for each in found})
    for digest in digests:
        telemetry.alarm(Event.MANIFEST_DAMAGED, **_facts(repository, digest))
    return digests


def _facts(repository: RepositoryId, digest: Digest) -> dict[str, str]:
    return {
        "account": repository.account,
        "region": repository.region,
        "repository": repository.name,
        "digest": str(digest),
    }


async def _parsed(push: Push) -> NewImage:
    return await run_over([push.content], partial(_new_image, push))


def _new_image(push: Push) -> NewImage:
    manifest = parse_manifest(push.content, push.media_type)
    algorithm = push.digest.algorithm if push.digest else "sha256"
    return NewImage(Digest.of(push.content, algorithm), push.content, manifest)


def _named(
    db: Connection,
    repository: Repository,
    named: NamedImage,
    act: Callable[[Connection, Repository, ImageId], T | FailureCode],
) -> T | ImageFailure:
    """Do something to one image of a batch. If it goes wrong, it is a failure of that image alone."""
    image = identify(named)
    outcome = image if isinstance(image, FailureCode) else act(db, repository, image)
    return _failure(db, repository, named, outcome) if isinstance(outcome, FailureCode) else outcome


def _failure(db: Connection, repository: Repository, named: NamedImage, code: FailureCode) -> ImageFailure:
    """Return a failure; for a part of indexes, with the first of these."""
    image = identify(named)
    digest = code if isinstance(image, FailureCode) else resolve(db, repository, image)
    if code is not FailureCode.IN_AN_INDEX or isinstance(digest, FailureCode):
        return ImageFailure(named, code)
    return ImageFailure(named, code, tuple(images.parents_of(db, repository.id, digest, _MOST_PARENTS)))


def resolve(db: Connection, repository: Repository, image: ImageId) -> Digest | FailureCode:
    """Find an image by its tag or digest. If both are given, the tag must name the digest."""
    if image.tag is None:
        digest = image.digest
        return digest if digest and images.holds(db, repository.id, digest) else FailureCode.NOT_FOUND
    tagged = images.tagged(db, repository.id, image.tag)
    if tagged is None:
        return FailureCode.NOT_FOUND
    return tagged if image.digest in (None, tagged) else FailureCode.TAG_DOES_NOT_MATCH


def _stored(db: Connection, repository: Repository, image: ImageId) -> StoredManifest | FailureCode:
    digest = resolve(db, repository, image)
    if isinstance(digest, FailureCode):
        return digest
    return images.stored(db, repository.id, digest, image.tag) or FailureCode.NOT_FOUND


def _each_stored(
    db: Connection, repository: Repository, batch: Sequence[NamedImage]
) -> list[tuple[NamedImage, StoredManifest | ImageFailure]]:
    return [(named, _active(named, _named(db, repository, named, _stored))) for named in batch]


def _active(named: NamedImage, found: StoredManifest | ImageFailure) -> StoredManifest | ImageFailure:
    """Return a failure for an image in the archive, for which the service model has no code of its own."""
    if isinstance(found, ImageFailure) or found.status is ImageStatus.ACTIVE:
        return found
    return ImageFailure(named, FailureCode.NOT_FOUND, because=_ARCHIVED)


def _described(db: Connection, repository: Repository, batch: Sequence[NamedImage]) -> list[ImageDetail]:
    digests = {_described_digest(db, repository, named): named for named in batch}
    found = images.details(db, repository.id, list(digests))
    for digest, named in digests.items():
        if digest not in found:  # deleted since the statement before
            raise ImageNotFound(named.digest, named.tag, repository.name, repository.registry.account)
    return _with_scans(db, repository, [found[digest] for digest in digests])


def _described_page(
    db: Connection, repository: Repository, wanted: ImageFilter, after: str, limit: int
) -> tuple[list[ImageDetail], bool]:
    details, more = images.described(db, repository.id, wanted, after, limit)
    return _with_scans(db, repository, details), more


def _with_scans(db: Connection, repository: Repository, details: list[ImageDetail]) -> list[ImageDetail]:
    """Add each image's scan by the type that its registry has now."""
    scan_type = registries.settings(db, repository.registry.account).scanning.scan_type
    found = scans.of_images(db, repository.id, [each.digest for each in details], scan_type)
    return [replace(each, scan=found.get(each.digest)) for each in details]


def _described_digest(db: Connection, repository: Repository, named: NamedImage) -> Digest:
    digest = _named(db, repository, named, resolve)
    if not isinstance(digest, ImageFailure):
        return digest
    if digest.code in (FailureCode.INVALID_DIGEST, FailureCode.NOTHING_NAMED):
        raise InvalidParameter("imageIds", digest.reason)
    raise ImageNotFound(named.digest, named.tag, repository.name, repository.registry.account)


@dataclass(slots=True)
class _Removal:
    """Removes images in one transaction, and counts the rows that go."""

    now: datetime
    rows: int = 0

    def remove(self, db: Connection, repository: Repository, image: ImageId) -> tuple[ImageId, ...] | FailureCode:
        digest = resolve(db, repository, image)
        if isinstance(digest, FailureCode):
            return digest
        tags = images.tags_of(db, repository.id, digest)
        if image.tag is not None and len(tags) > 1:
            images.remove_tag(db, repository.id, image.tag)
            return (ImageId(digest, image.tag),)
        if images.parents_of(db, repository.id, digest, 1):
            return FailureCode.IN_AN_INDEX
        self.rows += images.remove_manifest(db, repository.id, digest, self.now)
        return tuple(ImageId(digest, tag) for tag in tags) or (ImageId(digest, None),)
