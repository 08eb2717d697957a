"""The verbs of managed signing. Rules are stored; there is no AWS Signer, so an image that they match is not signed."""

from dataclasses import dataclass

from twinport.access.gate import AnyResource, Gate, RepositoryResource
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import images, registries, repositories
from twinport.catalog.regional import signing as configurations
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageId
from twinport.model.names import Registry, RepositoryId
from twinport.model.signing import SigningConfiguration
from twinport.refusals.images import ImageNotFound, SigningConfigurationNotFound
from twinport.registry.expected import Expected, require
from twinport.registry.named_images import digest_of

FAILURE_CODE = "SIGNING_NOT_SUPPORTED"
FAILURE_REASON = (
    "twinport has no AWS Signer and signed nothing: sign the image with notation or cosign, which push the signature "
    "as a referrer of the image"
)


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An image, and each profile with which a rule asked for a signature when it was pushed."""

    digest: Digest
    profiles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signing:
    """`expected` are the rules that are replaced or removed: ChangedMeanwhile is raised for others."""

    gate: Gate
    catalog: Catalog

    async def put(
        self,
        caller: Caller,
        registry: Registry,
        rules: SigningConfiguration,
        expected: Expected[SigningConfiguration] | None = None,
    ) -> None:
        """Replace the rules as a whole. A rule that was there before keeps the time since when it holds."""
        await self.gate.authorize(caller, "ecr:PutSigningConfiguration", _whole(registry))

        def store(db: Connection) -> None:
            registries.hold(db, registry.account)
            found = configurations.configuration(db, registry.account)
            require(expected, found)
            kept = rules.put_over(found or SigningConfiguration(), self.catalog.now(db))
            configurations.put(db, registry.account, kept)

        await self.catalog.region(registry.region).write(store)

    async def get(self, caller: Caller, registry: Registry) -> SigningConfiguration:
        """Return the rules. Raises SigningConfigurationNotFound."""
        await self.gate.authorize(caller, "ecr:GetSigningConfiguration", _whole(registry))
        return await self.catalog.region(registry.region).read(lambda db: _found(db, registry))

    async def delete(
        self, caller: Caller, registry: Registry, expected: Expected[SigningConfiguration] | None = None
    ) -> SigningConfiguration:
        """Remove the rules and return what they were. Raises SigningConfigurationNotFound."""
        await self.gate.authorize(caller, "ecr:DeleteSigningConfiguration", _whole(registry))

        def remove(db: Connection) -> SigningConfiguration:
            registries.hold(db, registry.account)
            require(expected, configurations.configuration(db, registry.account))
            found = _found(db, registry)
            configurations.put(db, registry.account, None)
            return found

        return await self.catalog.region(registry.region).write(remove)

    async def status(self, caller: Caller, repository: RepositoryId, image: ImageId) -> Unsigned:
        """Return the profiles of the present rules that held when an image was pushed. All of them failed.

        An artifact with a subject, such as a signature, is not signed. Raises RepositoryNotFound, ImageNotFound.
        """
        await self.gate.authorize(caller, "ecr:DescribeImageSigningStatus", RepositoryResource(repository))
        return await self.catalog.region(repository.region).read(lambda db: _status(db, repository, image))


def _whole(registry: Registry) -> AnyResource:
    return AnyResource(registry.account, registry.region)


def _found(db: Connection, registry: Registry) -> SigningConfiguration:
    found = configurations.configuration(db, registry.account)
    if found is None:
        raise SigningConfigurationNotFound(registry.account)
    return found


def _status(db: Connection, repository: RepositoryId, image: ImageId) -> Unsigned:
    row = repositories.get(db, repository)
    digest = digest_of(db, row, image)
    detail = images.details(db, row.id, [digest]).get(digest)
    if detail is None:  # deleted since the statement before
        raise ImageNotFound(str(digest), image.tag, repository.name, repository.account)
    rules = configurations.configuration(db, repository.account) or SigningConfiguration()
    profiles = [] if detail.subject else rules.profiles(repository.name, detail.pushed_at)
    return Unsigned(digest, tuple(profiles))
