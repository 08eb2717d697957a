"""The target of a route under `/v2/`, in the registry's terms and in the caller's form."""

from collections.abc import Collection
from dataclasses import dataclass

from twinport.model.addresses import Address, HostAddress, PathAddress, split_path_address
from twinport.model.content import Digest
from twinport.model.images import ImageId
from twinport.model.names import RegionName, Registry, RepositoryId, RepositoryName, TagName, repository_name, tag_name
from twinport.refusals.requests import BadName


@dataclass(frozen=True, slots=True)
class Target:
    """A repository that may or may not exist, and the item in it that the path names.

    `prefix` is the repository's path as the caller wrote it: `/v2/team/api` or `/v2/111122223333/eu-west-1/team/api`.
    Every address in an answer begins with it. `reference` is as sent: a digest, an upload's id, a tag, or empty.
    """

    repository: RepositoryId
    prefix: str
    reference: str = ""

    def sibling(self, text: str) -> RepositoryName | None:
        """Return the repository of the same registry that `text` names in this caller's form, or None.

        If the caller's path includes the registry, `text` must include it too: without it, another registry may be
        meant.
        """
        registry = f"{self.repository.registry}/"
        form = registry if self.prefix.startswith(f"/v2/{registry}") else ""
        try:
            return repository_name(text.removeprefix(form)) if text.startswith(form) else None
        except BadName:
            return None


def image_named(reference: str) -> ImageId:
    """Parse what names a manifest."""
    match digest_or_tag(reference):
        case Digest() as digest:
            return ImageId(digest, None)
        case tag:
            return ImageId(None, tag)


def digest_or_tag(reference: str) -> Digest | TagName:
    """Parse a reference. With a colon it is a digest: no tag has one."""
    return Digest.parse(reference) if ":" in reference else tag_name(reference)


@dataclass(frozen=True, slots=True)
class Located:
    """A request's registry, the path within it, and the client's prefix before that path."""

    registry: Registry
    path: str
    prefix: str = ""


def located(address: Address, own: Registry, path: str, regions: Collection[RegionName]) -> Located:
    """Locate a path. Where neither host nor path names a registry, it is the client's `own`."""
    match address:
        case HostAddress(registry=registry):
            return Located(registry, path)
        case PathAddress():
            named, rest = split_path_address(path, regions)
            return Located(own, path) if named is None else Located(named, rest, f"{named}/")
