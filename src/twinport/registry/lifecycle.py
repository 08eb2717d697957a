"""The verbs of lifecycle policies and of their previews. What they ask for is done by registry/lifecycle_runs.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import lifecycle, lifecycle_previews, repositories
from twinport.catalog.regional.lifecycle import StoredPolicy
from twinport.catalog.regional.lifecycle_previews import Preview, PreviewResult, PreviewStatus, Wanted
from twinport.catalog.regional.repositories import Against
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import NamedImage, Repository, TagStatus
from twinport.model.lifecycle_policies import parse_policy
from twinport.model.names import RepositoryId
from twinport.refusals.images import LifecyclePolicyNotFound, LifecyclePreviewInProgress, LifecyclePreviewNotFound
from twinport.refusals.requests import InvalidParameter
from twinport.registry import paging
from twinport.registry.expected import Expected, require
from twinport.registry.images import resolve
from twinport.registry.named_images import FailureCode, ImageFailure, identify
from twinport.registry.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class LifecyclePolicies:
    """The verbs of a repository's lifecycle policy. `changed` is called when one is to be applied soon.

    `expected` is the text of the policy that is replaced or removed: ChangedMeanwhile is raised for another one.
    """

    gate: Gate
    catalog: Catalog
    changed: Callable[[], None]

    async def put(
        self,
        caller: Caller,
        repository: RepositoryId,
        text: str,
        expected: Expected[str] | None = None,
    ) -> str:
        """Replace the policy, and return its text as it is stored. Raises InvalidParameter."""
        await self.gate.authorize(caller, "ecr:PutLifecyclePolicy", RepositoryResource(repository))
        policy, version = parse_policy(text), str(uuid4())

        def store(db: Connection) -> None:
            row = repositories.lock(db, repository, Against.WRITERS)
            require(expected, _text(db, row))
            lifecycle.put(db, row.id, policy.text, version, self.catalog.now(db))

        await self.catalog.region(repository.region).write(store)
        self.changed()
        return policy.text

    async def get(self, caller: Caller, repository: RepositoryId) -> StoredPolicy:
        """Return the policy. Raises LifecyclePolicyNotFound."""
        await self.gate.authorize(caller, "ecr:GetLifecyclePolicy", RepositoryResource(repository))
        return await self.catalog.region(repository.region).read(
            lambda db: _policy(db, repositories.get(db, repository))
        )

    async def delete(
        self, caller: Caller, repository: RepositoryId, expected: Expected[str] | None = None
    ) -> StoredPolicy:
        """Remove the policy and return what it was. A run under it ends at once. Raises LifecyclePolicyNotFound."""
        await self.gate.authorize(caller, "ecr:DeleteLifecyclePolicy", RepositoryResource(repository))

        def remove(db: Connection) -> StoredPolicy:
            row = repositories.lock(db, repository, Against.WRITERS)
            require(expected, _text(db, row))
            found = _policy(db, row)
            lifecycle.remove(db, row.id)
            return found

        return await self.catalog.region(repository.region).write(remove)


@dataclass(frozen=True, slots=True)
class PreviewQuery:
    """Which results of a preview are asked for: a page of them, or those of the images of a batch."""

    tags: TagStatus = TagStatus.ANY
    page: PageRequest = field(default_factory=PageRequest)
    batch: Sequence[NamedImage] | None = None


@dataclass(frozen=True, slots=True)
class LifecyclePreviews:
    """The verbs of previews. `started` is called when one is to be made."""

    gate: Gate
    catalog: Catalog
    started: Callable[[], None]

    async def start(self, caller: Caller, repository: RepositoryId, text: str | None) -> str:
        """Ask for a preview of a policy, or of the repository's own if none is given, and return the policy's text.

        Raises InvalidParameter, LifecyclePolicyNotFound, and LifecyclePreviewInProgress while the last one is made.
        """
        await self.gate.authorize(caller, "ecr:StartLifecyclePolicyPreview", RepositoryResource(repository))
        if text is not None:
            parse_policy(text)
        version = str(uuid4())

        def begin(db: Connection) -> str:
            row = repositories.lock(db, repository, Against.WRITERS)
            last = lifecycle_previews.find(db, row.id)
            if last is not None and last.status is PreviewStatus.IN_PROGRESS:
                raise LifecyclePreviewInProgress(repository.name, repository.account)
            given = _policy(db, row).text if text is None else text
            lifecycle_previews.start(db, row.id, given, version, self.catalog.now(db))
            return given

        given = await self.catalog.region(repository.region).write(begin)
        self.started()
        return given

    async def get(
        self, caller: Caller, repository: RepositoryId, asked: PreviewQuery
    ) -> tuple[Preview, Page[PreviewResult]]:
        """Return the last preview and a page of its results, none unless it is complete.

        Raises LifecyclePreviewNotFound, and InvalidParameter for an image that is named wrongly.
        """
        await self.gate.authorize(caller, "ecr:GetLifecyclePolicyPreview", RepositoryResource(repository))
        return await self.catalog.region(repository.region).read_much(
            lambda db: _answer(db, repositories.get(db, repository), asked)
        )


def _text(db: Connection, repository: Repository) -> str | None:
    found = lifecycle.find(db, repository.id)
    return None if found is None else found.text


def _policy(db: Connection, repository: Repository) -> StoredPolicy:
    found = lifecycle.find(db, repository.id)
    if found is None:
        raise LifecyclePolicyNotFound(repository.name, repository.registry.account)
    return found


def _answer(db: Connection, repository: Repository, asked: PreviewQuery) -> tuple[Preview, Page[PreviewResult]]:
    preview = lifecycle_previews.find(db, repository.id)
    if preview is None:
        raise LifecyclePreviewNotFound(repository.name, repository.registry.account)
    if preview.status is not PreviewStatus.COMPLETE:
        return preview, Page((), None)
    page = asked.page if asked.batch is None else PageRequest(len(asked.batch))
    place = (str(repository.registry), repository.name)
    request = ("GetLifecyclePolicyPreview", *place, preview.version, asked.tags.value)
    (after,) = paging.start(page, request, ("-1",))
    wanted = Wanted(asked.tags, None if asked.batch is None else _digests(db, repository, asked.batch))
    found = lifecycle_previews.results(db, repository.id, wanted, _number(after), page.limit + 1)
    return preview, paging.cut(found, page, request, lambda result: (str(result.number),))


def _number(position: str) -> int:
    """Read the position of a page. Any client can make a token, so it may be anything."""
    try:
        number = int(position)
    except ValueError:
        number = -(1 << 63)
    if not -1 <= number < 1 << 62:
        raise InvalidParameter("nextToken", "must be the nextToken of an earlier answer to the same request")
    return number


def _digests(db: Connection, repository: Repository, batch: Sequence[NamedImage]) -> tuple[Digest, ...]:
    """Return the digests of the images that exist. What is gone since the preview has no result to show."""
    found = [_digest(db, repository, named) for named in batch]
    return tuple(digest for digest in found if digest is not None)


def _digest(db: Connection, repository: Repository, named: NamedImage) -> Digest | None:
    image = identify(named)
    if image in (FailureCode.NOTHING_NAMED, FailureCode.INVALID_DIGEST):
        raise InvalidParameter("imageIds", ImageFailure(named, image).reason)
    if isinstance(image, FailureCode):
        return None
    digest = resolve(db, repository, image)
    return digest if isinstance(digest, Digest) else None
