"""Destination registries of this deployment: the other Region's database and blob store, reached without a network.

They trust the courier no more than a remote one: every part of the protocol asks the gate, digests are computed of the
bytes that arrived, and manifests are parsed again.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

from twinport.access.gate import Gate, RepositoryResource, tag_context
from twinport.access.lane_sessions import Authorization
from twinport.access.principals import root_caller
from twinport.access.template_roles import CREATE, TAG, TemplateRoles
from twinport.blobs.store import BlobStore, BlobStores, has_whole
from twinport.catalog.ports import Catalog, Database
from twinport.catalog.regional import arrivals, blobs, creation_templates, registries, repositories
from twinport.catalog.regional.images import NewImage
from twinport.clock import Clock
from twinport.errors import AccessDenied, LimitReached, NotFound, Refusal, Unavailable
from twinport.landing import copies
from twinport.landing.copies import Copy
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.content import Digest, Key
from twinport.model.creation_templates import AppliedFor, CreationTemplate, StoredTemplate
from twinport.model.identities import REPLICATION_SERVICE, Caller, Origin
from twinport.model.manifests import Descriptor, parse_manifest
from twinport.model.names import RegionName, Registry, RepositoryName
from twinport.model.replication import FailureCode
from twinport.processes.hashing import run_over
from twinport.refusals.callers import SessionExpired
from twinport.refusals.images import DigestMismatch, EncryptionRefused, LayersMissing, ReferencedImagesMissing
from twinport.replication.destination import (
    AdoptAnswer,
    AppendAnswer,
    Behind,
    CommitAnswer,
    Destination,
    Done,
    Missing,
    Offer,
    OfferAnswer,
    OfferedBlob,
    OfferedBlobs,
    OfferedImage,
    Part,
    Refused,
    Signed,
    statement,
)
from twinport.replication.local_bytes import LocalBytes
from twinport.replication.partials import Partials
from twinport.replication.shared_stores import LocalStores

REPLICATE = "ecr:ReplicateImage"
# From the last blob that came: longer than any pause within an offer, so that only abandoned offers expire.
HOLD = timedelta(hours=1)
# So many images of an offer are looked up, and land, together: few statements for each, and no long transaction.
_TOGETHER = 25
# So many blobs are copied at once in a process: pushes need the memory and the disk, too.
_COPIES_AT_ONCE = 8


class Verifier(Protocol):
    """Finds the caller behind a signature."""

    async def caller(self, authorization: Authorization, statement: bytes, origin: Origin) -> Caller:
        """Return the caller that signed a statement, even if its session has ended. Raises CredentialsUnknown."""
        ...


@dataclass(frozen=True, slots=True)
class _Admission:
    """What the gate decided about a repository: whether it may be created, and by which template of the registry."""

    may_create: bool
    template: StoredTemplate | None = None


@dataclass(frozen=True, slots=True)
class LocalDestinations:
    """Every registry of the Regions that this deployment serves, whether or not anything was ever stored in it."""

    regions: Collection[RegionName]
    catalog: Catalog
    stores: BlobStores
    gate: Gate
    roles: TemplateRoles
    verifier: Verifier
    world: Clock
    hold: timedelta = HOLD
    partials: Partials = field(init=False)
    copying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_COPIES_AT_ONCE))

    def __post_init__(self) -> None:
        object.__setattr__(self, "partials", Partials(self.world.now))

    def find(self, registry: Registry) -> Destination | None:
        if registry.region not in self.regions:
            return None
        database, store = self.catalog.region(registry.region), self.stores.region(registry.region)
        shared = LocalStores(self.regions, self.catalog, self.stores)
        arriving = LocalBytes(database, store, shared, self.partials, self.catalog.now, self.hold, self.copying)
        return LocalDestination(registry, database, store, arriving, self.gate, self.roles, self.verifier, self.world)


@dataclass(frozen=True, slots=True)
class LocalDestination:
    """One registry of this deployment."""

    registry: Registry
    region: Database
    store: BlobStore
    arriving: LocalBytes
    gate: Gate
    roles: TemplateRoles
    verifier: Verifier
    world: Clock

    async def offer(self, authorization: Authorization, offer: Offer) -> Mapping[str, OfferAnswer]:
        session = await self._admit(authorization, Part.OFFER, offer)
        answers: dict[str, OfferAnswer] = {}
        for images in _groups(offer.images):
            # Reads do not yield, so other tasks have their turn here.
            await asyncio.sleep(0)
            answers |= await self._answers(session, images)
        if any(isinstance(answer, Missing) and answer.blobs for answer in answers.values()):
            await self.arriving.open(offer.id, offer.source, self.registry.account)
        return answers

    async def adopt(self, authorization: Authorization, blobs: OfferedBlobs) -> AdoptAnswer:
        session = await self._admit(authorization, Part.ADOPT, blobs)
        for name in sorted({blob.repository for blob in blobs.each}):
            await self.gate.authorize(session, REPLICATE, self._resource(name))
        return await self.arriving.adopt(blobs)

    async def append(
        self, authorization: Authorization, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]
    ) -> AppendAnswer:
        session = await self._admit(authorization, Part.APPEND, blob, offset)
        await self.gate.authorize(session, REPLICATE, self._resource(blob.repository))
        return await self.arriving.append(blob, offset, pieces)

    async def commit(self, authorization: Authorization, offer: Offer) -> Mapping[str, CommitAnswer]:
        session = await self._admit(authorization, Part.COMMIT, offer)
        # These run together, so that they share a commit; even so, each group is a transaction of its own.
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._commit(session, offer, images)) for images in _groups(offer.images)]
        return {delivery: answer for task in tasks for delivery, answer in task.result().items()}

    async def _admit(self, authorization: Authorization, part: Part, what: Signed, offset: int = 0) -> Caller:
        """Return the caller of a valid session of the replication role for this lane, which signed this part.

        Raises CredentialsUnknown, AccessDenied, SessionExpired.
        """
        now = self.world.now()
        # The courier has no address: conditions on one find the key absent.
        origin = Origin(self.registry.region, source_ip="", secure=True, user_agent=REPLICATION_SERVICE, at=now)
        session = await self.verifier.caller(authorization, statement(part, what, offset), origin)
        own, lane = session.session, (what.source, what.destination)
        if own is None or own.binding != lane or what.destination != self.registry:
            raise AccessDenied(session.arn, REPLICATE, self.registry.repository_arn("*"))
        if own.expires_at <= now:
            raise SessionExpired
        return session

    def _resource(self, name: RepositoryName) -> RepositoryResource:
        return RepositoryResource(self.registry.repository(name))

    # --- offer ---

    async def _answers(self, session: Caller, images: Sequence[OfferedImage]) -> dict[str, OfferAnswer]:
        answers: dict[str, OfferAnswer] = {**await self._decided(images)}
        for name, same in _by_repository(images, answers).items():
            try:
                await self._authorize(session, name)
            except (AccessDenied, EncryptionRefused) as refusal:
                answers |= {image.delivery: _denied(refusal) for image in same}
            else:
                answers |= await self._missing(name, same)
        return answers

    async def _decided(self, images: Sequence[OfferedImage]) -> dict[str, Done]:
        """Answer deliveries that were committed before, whatever has been forbidden since: the images are there."""
        account, deliveries = self.registry.account, [image.delivery for image in images]
        decided = await self.region.read(lambda db: arrivals.outcomes(db, account, deliveries))
        return {delivery: Done(tag) for delivery, tag in decided.items()}

    async def _authorize(self, session: Caller, name: RepositoryName) -> "_Admission":
        """Raise AccessDenied unless images may be replicated there, and the repository created if it is absent."""
        await self.gate.authorize(session, REPLICATE, self._resource(name))
        if await self.region.read(lambda db: repositories.find(db, self.registry.repository(name))) is not None:
            return _Admission(may_create=False)
        await self.gate.authorize(session, CREATE, self._resource(name))
        template = await self.region.read(
            lambda db: creation_templates.matching(db, self.registry.repository(name), AppliedFor.REPLICATION)
        )
        if template is not None:
            await self._authorize_template(session, template.template, name)
        return _Admission(may_create=True, template=template)

    async def _authorize_template(self, session: Caller, template: CreationTemplate, name: RepositoryName) -> None:
        """Raise AccessDenied unless the template's role may create the repository with the template's settings.

        From another account, the registry's policy must also let that account tag: the replication role itself has no
        permission for it, so the question is about its account.
        """
        resource = self._resource(name)
        await self.roles.authorize(template, resource, session)
        if template.tags and session.account != self.registry.account:
            source = root_caller(session.account, session.origin, "")
            await self.gate.authorize(source, TAG, resource, tag_context(template.tags))

    async def _missing(self, name: RepositoryName, images: Sequence[OfferedImage]) -> dict[str, Missing]:
        home, named = self.registry, {entry.digest for image in images for entry in image.manifests}
        # It reads and hashes what is there of the manifests.
        absent = await self.region.read_much(lambda db: arrivals.missing_manifests(db, home, name, named))
        parts = {
            entry.digest
            for image in images
            for entry in image.blobs
            if any(manifest.digest in absent for manifest in image.manifests)
        }
        gone = await self.region.read(lambda db: arrivals.missing_blobs(db, home.account, parts)) if parts else parts
        return {image.delivery: _missing_of(image, absent, gone) for image in images}

    # --- commit ---

    async def _commit(self, session: Caller, offer: Offer, images: Sequence[OfferedImage]) -> dict[str, CommitAnswer]:
        try:
            answers: dict[str, CommitAnswer] = {**await self._decided(images)}
            # Read before the gate decides: an image that it admits lands in this history and no other (`clearing`).
            epoch = await self.region.read(registries.epoch)
            copies_: list[Copy] = []
            for name, same in _by_repository(images, answers).items():
                copied = await self._copies(session, replace(offer, images=tuple(same)), name)
                copies_ += [each for each in copied.values() if isinstance(each, Copy)]
                answers |= {delivery: each for delivery, each in copied.items() if not isinstance(each, Copy)}
            damaged = await self._instead_of(offer) if any(copy.manifests for copy in copies_) else {}
        except Refusal as refusal:
            return {image.delivery: _answer_to(refusal) for image in images}
        answers |= await self._land([replace(copy, epoch=epoch, instead_of=damaged) for copy in copies_])
        with suppress(Unavailable):
            await self._tell_of_the_healed(damaged)
        return answers

    async def _copies(self, session: Caller, offer: Offer, name: RepositoryName) -> dict[str, Copy | CommitAnswer]:
        """Return the images of one repository as they are to land, or the answer to those that are not."""
        try:
            admission = await self._authorize(session, name)
        except Refusal as refusal:
            return {image.delivery: _answer_to(refusal) for image in offer.images}
        found: dict[str, Copy | CommitAnswer] = {}
        for image in offer.images:
            try:
                found[image.delivery] = await self._copy(session, offer, image, admission)
            except Refusal as refusal:
                found[image.delivery] = _answer_to(refusal)
        return found

    async def _land(self, together: Sequence[Copy]) -> dict[str, CommitAnswer]:
        """Land images in one transaction. If one of them is refused, each has a transaction of its own."""
        if not together:
            return {}
        try:
            landed = await self.region.write(lambda db: copies.land(db, together, self.arriving.database_now(db)))
        except Refusal as refusal:
            if len(together) == 1 or isinstance(refusal, Unavailable):
                return {copy.delivery: _answer_to(refusal) for copy in together}
        else:
            return {delivery: Done(tag) for delivery, tag in landed.items()}
        answers: dict[str, CommitAnswer] = {}
        for copy in together:
            answers |= await self._land([copy])
        return answers

    async def _instead_of(self, offer: Offer) -> dict[Digest, Key]:
        """Return the keys of damaged bytes, by the digest for which the offer holds whole bytes."""
        surpassed = await self.region.read(lambda db: arrivals.surpassed(db, offer.id))
        return {
            digest: stored.key
            for digest, stored in surpassed.items()
            if stored.damage is not None or not await has_whole(self.store, stored.key, stored.size)
        }

    async def _tell_of_the_healed(self, instead_of: Mapping[Digest, Key]) -> None:
        for digest, key in instead_of.items():
            named = await self.region.read(partial(blobs.named, digest=digest))
            if named is not None and named.key != key:
                telemetry.event(Event.BLOB_HEALED, region=self.registry.region, digest=str(digest), key=named.key)

    async def _copy(self, session: Caller, offer: Offer, image: OfferedImage, admission: "_Admission") -> Copy:
        manifests = await run_over(image.contents.values(), partial(_read, image))
        return Copy(
            delivery=image.delivery,
            offer=offer.id,
            source=offer.source,
            destination=self.registry,
            repository=image.repository,
            digest=image.digest,
            tag=image.tag,
            position=image.position,
            manifests=manifests,
            carried_by=session.arn,
            may_create_repository=admission.may_create,
            template=admission.template,
        )


def _groups(images: Sequence[OfferedImage]) -> Iterator[Sequence[OfferedImage]]:
    return (images[first : first + _TOGETHER] for first in range(0, len(images), _TOGETHER))


def _by_repository(
    images: Sequence[OfferedImage], answered: Collection[str]
) -> dict[RepositoryName, list[OfferedImage]]:
    """Return the images without an answer, by their repository."""
    found: dict[RepositoryName, list[OfferedImage]] = {}
    for image in images:
        if image.delivery not in answered:
            found.setdefault(image.repository, []).append(image)
    return found


def _missing_of(image: OfferedImage, manifests: Collection[Digest], blobs: Collection[Digest]) -> Missing:
    """Return what of all that is missing concerns an image. Without a missing manifest it is there as a whole."""
    absent = frozenset(entry.digest for entry in image.manifests if entry.digest in manifests)
    gone = frozenset(entry.digest for entry in image.blobs if entry.digest in blobs)
    return Missing(absent, gone) if absent else Missing()


def _read(image: OfferedImage) -> tuple[NewImage, ...]:
    """Read the manifests that arrived, children first. Raises DigestMismatch, or what `parse_manifest` raises."""
    contents = image.contents
    return tuple(_new(entry, contents[entry.digest]) for entry in image.manifests if entry.digest in contents)


def _new(entry: Descriptor, content: bytes) -> NewImage:
    arrived = Digest.of(content, entry.digest.algorithm)
    if arrived != entry.digest:
        raise DigestMismatch(str(entry.digest), str(arrived))
    return NewImage(entry.digest, content, parse_manifest(content, entry.media_type))


def _denied(refusal: AccessDenied | EncryptionRefused) -> Refused:
    if isinstance(refusal, EncryptionRefused):
        return Refused(FailureCode.DESTINATION_KMS_ERROR, refusal.message)
    return Refused(FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED, refusal.message)


def _answer_to(refusal: Refusal) -> CommitAnswer:
    """Decide whether a refused landing is refused for good, or only for now."""
    match refusal:
        case AccessDenied() | EncryptionRefused():
            return _denied(refusal)
        case LimitReached():
            return Refused(FailureCode.DESTINATION_LIMIT_EXCEEDED, refusal.message)
        case Unavailable() | NotFound() | LayersMissing() | ReferencedImagesMissing():
            return Behind(refusal.message)
        case _:
            return Refused(FailureCode.INTERNAL_ERROR, refusal.message)
