"""The parts that IAM's requests and answers share on the wire: pages, tags, documents."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote

from twinport.aws.types import iam
from twinport.model.entities import Page, Tag
from twinport.refusals.requests import ConstraintsViolated

T = TypeVar("T")
_DEFAULT_LIMIT = 100


def page_of(marker: str | None, limit: int | None) -> Page:
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


def cut(found: Sequence[T], page: Page, key: Callable[[T], str]) -> tuple[Sequence[T], bool, str | None]:
    """Return the page's items, whether more follow, and the marker of the next page."""
    if len(found) <= page.limit:
        return found, False, None
    items = found[: page.limit]
    return items, True, marker_of(key(items[-1]))


def marker_of(key: str) -> str:
    """Return the marker of the page after the item with this sort key."""
    return urlsafe_b64encode(key.encode()).rstrip(b"=").decode()


def cut_whole(all_of_them: Sequence[T], page: Page, key: Callable[[T], str]) -> tuple[Sequence[T], bool, str | None]:
    """Cut a page from a short list that is in memory, in the order of its keys."""
    return cut([each for each in all_of_them if key(each) > page.after], page, key)


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
