"""Parsers for members that several operations share."""

from typing import Required, TypedDict, TypeVar

from twinport.access.calls import Call
from twinport.aws.types import ecr
from twinport.model.content import Digest
from twinport.model.images import ImageId
from twinport.model.names import (
    AccountId,
    Registry,
    RepositoryId,
    RepositoryName,
    TagName,
    account_id,
    repository_name,
    tag_name,
)
from twinport.refusals.requests import BadName, InvalidParameter
from twinport.registry.paging import DEFAULT_LIMIT, Page, PageRequest

T = TypeVar("T")
_TAG_PATTERN = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"


class RepositoryRequest(TypedDict, total=False):
    """The members of every request that names a repository."""

    registryId: str
    repositoryName: Required[str]


class ListRequest(TypedDict, total=False):
    """The members of every request for a list."""

    maxResults: int
    nextToken: str


class Paging(TypedDict, total=False):
    """The member that tells the client how to ask for the next page; absent on the last page."""

    nextToken: str


def own_registry(call: Call) -> Registry:
    """Return the registry of operations that take no registryId."""
    return Registry(call.caller.account, call.caller.origin.region)


def registry_of(call: Call, registry_id: str | None) -> Registry:
    """Return the request's registry. It may be another account's; the gate decides about that."""
    return own_registry(call) if registry_id is None else Registry(AccountId(registry_id), call.caller.origin.region)


def repository_of(call: Call, request: RepositoryRequest) -> RepositoryId:
    return registry_of(call, request.get("registryId")).repository(name_of(request["repositoryName"]))


def name_of(text: str) -> RepositoryName:
    """Return a repository name that has already passed the model's pattern."""
    return RepositoryName(text)


def tag_of(text: str) -> TagName:
    """Parse an image's tag, for which the model has no pattern."""
    try:
        return tag_name(text)
    except BadName:
        raise InvalidParameter("imageTag", f"must satisfy regular expression '{_TAG_PATTERN}'") from None


def image_of(identifier: ecr.ImageIdentifier) -> ImageId:
    """Parse the single image of a request, by digest, tag or both."""
    digest, tag = identifier.get("imageDigest"), identifier.get("imageTag")
    if digest is None and tag is None:
        raise InvalidParameter("imageId", "both tag and digest cannot be null")
    return ImageId(None if digest is None else Digest.parse(digest), tag)


def shown_image(digest: Digest, tag: str | None) -> ecr.ImageIdentifier:
    """Show the single image of a request: its digest, and the tag if the request had one."""
    return {"imageDigest": str(digest)} if tag is None else {"imageDigest": str(digest), "imageTag": tag}


def page_of(request: ListRequest) -> PageRequest:
    """Parse the requested part of a list."""
    return PageRequest(request.get("maxResults", DEFAULT_LIMIT), request.get("nextToken"))


def paging(page: Page[T]) -> Paging:
    """Return the answer's member about the next page."""
    return {} if page.token is None else {"nextToken": page.token}


def whole(request: ListRequest, named: str) -> None:
    """Refuse paging together with a member that names the items, as the model's documentation says."""
    for parameter in ("nextToken", "maxResults"):
        if parameter in request:
            raise InvalidParameter(parameter, f"must be null when {named} is given")


def resource_of(call: Call, arn: str) -> RepositoryId:
    """Parse the ARN of a repository. Its Region must be that of the request."""
    account = _account_in(arn)
    try:
        registry = Registry(account_id(account), call.caller.origin.region)
        repository = registry.repository(repository_name(arn.removeprefix(registry.repository_arn(""))))
    except BadName:
        raise InvalidParameter("resourceArn", "Invalid ARN") from None
    if repository.arn != arn:
        raise InvalidParameter("resourceArn", "Invalid ARN")
    return repository


def _account_in(arn: str) -> str:
    """Return the fifth part of an ARN, or nothing."""
    return "".join(arn.split(":")[4:5])
