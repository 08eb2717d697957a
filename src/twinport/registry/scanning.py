"""The verbs of scanning: a registry's and a repository's configuration, starting a scan, and its findings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twinport.access.gate import AnyResource, Gate, RepositoryResource
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import registries, repositories, scans, storage
from twinport.catalog.regional.repositories import Against
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageId, ImageStatus, Repository
from twinport.model.names import Registry, RepositoryId, RepositoryName
from twinport.model.scanning import (
    SCAN_INTERVAL,
    AppliedScanning,
    Scan,
    ScanningConfiguration,
    ScanType,
    is_scannable,
)
from twinport.refusals.images import ImageArchived
from twinport.refusals.requests import InvalidParameter
from twinport.refusals.scanning import ImageTypeUnsupported, ScanFeatureDisabled, ScanNotFound, ScanQuotaExceeded
from twinport.registry import paging
from twinport.registry.expected import Expected, require
from twinport.registry.named_images import digest_of
from twinport.registry.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class ScannedRepository:
    """A repository, and when its images are scanned."""

    repository: Repository
    scanning: AppliedScanning


@dataclass(frozen=True, slots=True)
class FoundScan:
    """The scan of an image, and a page of its findings as the answers for its type show them."""

    digest: Digest
    scan_type: ScanType
    scan: Scan
    findings: Page[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Scanning:
    """The verbs of scanning. `requested` is called after a scan was requested, so that it begins soon."""

    gate: Gate
    catalog: Catalog
    requested: Callable[[], None]

    async def put_configuration(
        self,
        caller: Caller,
        registry: Registry,
        scanning: ScanningConfiguration,
        expected: Expected[ScanningConfiguration] | None = None,
    ) -> ScanningConfiguration:
        """Replace the registry's configuration as a whole. It applies to images that are pushed from now on.

        Raises ChangedMeanwhile if it would replace another one than `expected`.
        """
        resource = AnyResource(registry.account, registry.region)
        await self.gate.authorize(caller, "ecr:PutRegistryScanningConfiguration", resource)
        checked = ScanningConfiguration.checked(scanning.scan_type, scanning.rules)

        def store(db: Connection) -> None:
            require(expected, registries.hold(db, registry.account).scanning)
            registries.set_scanning(db, registry.account, checked)

        await self.catalog.region(registry.region).write(store)
        return checked

    async def configuration(self, caller: Caller, registry: Registry) -> ScanningConfiguration:
        resource = AnyResource(registry.account, registry.region)
        await self.gate.authorize(caller, "ecr:GetRegistryScanningConfiguration", resource)
        settings = await self.catalog.region(registry.region).read(lambda db: registries.settings(db, registry.account))
        return settings.scanning

    async def set_scan_on_push(
        self,
        caller: Caller,
        repository: RepositoryId,
        value: bool,  # noqa: FBT001 — the setting's value
        expected: Expected[bool] | None = None,
    ) -> None:
        """Decide whether the repository's own setting has images scanned when they are pushed.

        Raises RepositoryNotFound, and ChangedMeanwhile unless `expected` is what holds before.
        """
        resource = RepositoryResource(repository)
        await self.gate.authorize(caller, "ecr:PutImageScanningConfiguration", resource)

        def store(db: Connection) -> None:
            found = repositories.lock(db, repository, Against.WRITERS)
            require(expected, found.scan_on_push)
            repositories.set_scan_on_push(db, found.id, value)

        await self.catalog.region(repository.region).write(store)

    async def of_repositories(
        self, caller: Caller, registry: Registry, names: Sequence[RepositoryName]
    ) -> Mapping[RepositoryName, ScannedRepository | None]:
        """Tell for each named repository when its images are scanned; None if it does not exist."""
        for name in names:
            resource = RepositoryResource(registry.repository(name))
            await self.gate.authorize(caller, "ecr:BatchGetRepositoryScanningConfiguration", resource)
        return await self.catalog.region(registry.region).read_much(lambda db: _of_repositories(db, registry, names))

    async def start(self, caller: Caller, repository: RepositoryId, image: ImageId) -> Digest:
        """Request a basic scan of an image, and return its digest. A loop scans it: `scan_runs`.

        Raises RepositoryNotFound, ImageNotFound, ImageTypeUnsupported, ImageArchived, ScanQuotaExceeded,
        and ScanFeatureDisabled in a registry with enhanced scans.
        """
        await self.gate.authorize(caller, "ecr:StartImageScan", RepositoryResource(repository))
        digest = await self.catalog.region(repository.region).write(
            lambda db: self._request(db, repositories.lock(db, repository, Against.CHANGES), image)
        )
        self.requested()
        return digest

    def _request(self, db: Connection, repository: Repository, image: ImageId) -> Digest:
        account = repository.registry.account
        digest = digest_of(db, repository, image)
        if registries.settings(db, account).scanning.scan_type is ScanType.ENHANCED:
            raise ScanFeatureDisabled
        if not is_scannable(scans.config_media_type(db, repository.id, digest)):
            raise ImageTypeUnsupported(*_named(image), repository.name, account)
        if storage.status_of(db, repository.id, digest) is not ImageStatus.ACTIVE:
            raise ImageArchived(str(digest), repository.name, account)
        now = self.catalog.now(db)
        if scans.was_requested_after(db, repository.id, digest, ScanType.BASIC, now - SCAN_INTERVAL):
            raise ScanQuotaExceeded
        scans.request(db, repository.id, digest, ScanType.BASIC, now)
        return digest

    async def find(self, caller: Caller, repository: RepositoryId, image: ImageId, page: PageRequest) -> FoundScan:
        """Return an image's scan by the registry's type of scans, and a page of its findings.

        Raises RepositoryNotFound, ImageNotFound, ScanNotFound.
        """
        await self.gate.authorize(caller, "ecr:DescribeImageScanFindings", RepositoryResource(repository))
        return await self.catalog.region(repository.region).read_much(
            lambda db: _found(db, repositories.get(db, repository), image, page)
        )


def _of_repositories(
    db: Connection, registry: Registry, names: Sequence[RepositoryName]
) -> dict[RepositoryName, ScannedRepository | None]:
    configuration = registries.settings(db, registry.account).scanning
    return {name: _applied(configuration, repositories.find(db, registry.repository(name))) for name in names}


def _applied(configuration: ScanningConfiguration, repository: Repository | None) -> ScannedRepository | None:
    if repository is None:
        return None
    applied = configuration.applied(repository.name, scan_on_push=repository.scan_on_push)
    return ScannedRepository(repository, applied)


def _named(image: ImageId) -> tuple[str | None, str | None]:
    return str(image.digest) if image.digest else None, image.tag


def _found(db: Connection, repository: Repository, image: ImageId, page: PageRequest) -> FoundScan:
    account = repository.registry.account
    digest = digest_of(db, repository, image)
    scan_type = registries.settings(db, account).scanning.scan_type
    scan = scans.of_image(db, repository.id, digest, scan_type)
    if scan is None:
        raise ScanNotFound(*_named(image), repository.name, account)
    # The findings of another scan are another list: its pages do not continue those of this one.
    request = ("DescribeImageScanFindings", str(repository.registry), repository.name, str(digest), _mark(scan))
    (first,) = paging.start(page, request, ("0",))
    position = _position(first)
    found = scans.findings(db, repository.id, digest, scan_type, (position, page.limit + 1))
    numbered = list(enumerate(found, position + 1))
    numbers = paging.cut(numbered, page, request, lambda each: (str(each[0]),))
    return FoundScan(digest, scan_type, scan, Page(tuple(entry for _, entry in numbers.items), numbers.token))


def _mark(scan: Scan) -> str:
    return "" if scan.completed_at is None else scan.completed_at.isoformat()


def _position(text: str) -> int:
    """Read a position. Any client can make a token, so it may be anything."""
    if len(text) > len("10000") or not (text.isascii() and text.isdecimal()):
        raise InvalidParameter("nextToken", "must be the nextToken of an earlier answer to the same request")
    return int(text)
