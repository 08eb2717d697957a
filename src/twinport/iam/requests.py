"""The parts that IAM's requests and answers share on the wire: pages, tags, documents."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Required, TypedDict, TypeVar
from urllib.parse import quote

from twinport.aws.types import iam
from twinport.model.entities import Page, Tag
from twinport.model.letters import lower_ascii
from twinport.refusals.requests import ConstraintsViolated

T = TypeVar("T")
_DEFAULT_LIMIT = 100


class ListRequest(TypedDict, total=False):
    """The members of every request for a list."""

    Marker: str
    MaxItems: int


class Paging(TypedDict, total=False):
    """The members that tell the client whether a list goes on, and how to ask for the next page."""

    IsTruncated: Required[bool]
    Marker: str


def page_of(request: ListRequest) -> Page:
    """Parse the requested part of a list."""
    return page_from(request.get("Marker"), request.get("MaxItems"))


def page_from(marker: str | None, limit: int | None) -> Page:
    """Parse the requested part of a list. A marker is the sort key of the last returned item, opaque to clients."""
    if marker is None:
        return Page(limit=limit or _DEFAULT_LIMIT)
    try:
        after = b64decode(marker + "=" * (-len(marker) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise ConstraintsViolated(
            ["Value at 'marker' failed to satisfy constraint: Member must be a marker"]
        ) from error
    return Page(after, limit or _DEFAULT_LIMIT)


def paged(found: Sequence[T], page: Page, key: Callable[[T], str]) -> tuple[Sequence[T], Paging]:
    """Return the page's items, and the answer's members about the next page."""
    items = found[: page.limit]
    return items, paging_after(key(items[-1]) if len(found) > page.limit else None)


def paged_whole(whole: Sequence[T], page: Page, key: Callable[[T], str]) -> tuple[Sequence[T], Paging]:
    """Cut a page from a short list that is in memory, in the order of its keys."""
    return paged([each for each in whole if key(each) > page.after], page, key)


def paging_after(key: str | None) -> Paging:
    """Return the answer's members about the page after the item with this sort key; None if no page follows."""
    if key is None:
        return {"IsTruncated": False}
    return {"IsTruncated": True, "Marker": urlsafe_b64encode(key.encode()).rstrip(b"=").decode()}


def tag_page(
    tags: Sequence[Tag], page: Page, key: Callable[[Tag], str] = lambda tag: lower_ascii(tag.key)
) -> iam.ListUserTagsResponse:
    """Return a page of a resource's tags, which every resource's operation answers in the same form."""
    items, paging = paged_whole(tags, page, key)
    return {"Tags": shown_tags(items), **paging}


def tags_of(given: Iterable[iam.Tag]) -> tuple[Tag, ...]:
    return tuple(Tag(each["Key"], each["Value"]) for each in given)


def shown_tags(tags: Iterable[Tag]) -> list[iam.Tag]:
    return [{"Key": tag.key, "Value": tag.value} for tag in tags]


def duration_of(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def encoded(document: str) -> str:
    """Percent-encode a document as IAM does (RFC 3986: blanks and stars too)."""
    return quote(document, safe="")


def shown_boundary(arn: str) -> iam.AttachedPermissionsBoundary:
    """Return a permissions boundary for an answer. The type is AWS's actual answer, not the model's enum value."""
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
