"""Pages of a list: an opaque token, bound to the request that it continues, tells where the next page begins.

A token holds no permission (the gate decides about every page) and no secret. So it is not sealed, but has a checksum
over the request and the position, against mistakes and mix-ups. A position is the key of the last item given, so that
items that come and go between pages make no other item appear twice or not at all.
"""

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from twinport.refusals.requests import InvalidParameter

T = TypeVar("T")
Position = tuple[str, ...]
DEFAULT_LIMIT = 100
_CHECKSUM_BYTES = 16


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list is asked for: at most `limit` items, from where `token` says or from the beginning."""

    limit: int = DEFAULT_LIMIT
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in the list's order; `token` is None on the last page."""

    items: tuple[T, ...]
    token: str | None


def start(page: PageRequest, request: Sequence[str], first: Position) -> Position:
    """Return the position after which the page begins: `first` at the beginning, else one with as many parts.

    `request` is everything that selects and orders the list: operation, registry, repository, filter.
    Raises InvalidParameter for a token that was not given for this request.
    """
    if page.token is None:
        return first
    try:
        raw = urlsafe_b64decode(page.token.encode("ascii") + b"=" * (-len(page.token) % 4))
    except (binascii.Error, ValueError):
        raise foreign_token() from None
    checksum, content = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
    if checksum != _checksum(content, request):
        raise foreign_token()
    return _position(content, len(first))


def cut(found: Sequence[T], page: PageRequest, request: Sequence[str], key: Callable[[T], Position]) -> Page[T]:
    """Make a page of at most `limit + 1` items found after the start; the extra one tells that more follow."""
    items = tuple(found[: page.limit])
    return Page(items, token(key(items[-1]), request) if len(found) > page.limit else None)


def page(items: Sequence[T], request: Sequence[str], key: Callable[[T], Position], *, more: bool) -> Page[T]:
    """Make a page of all `items`, of which it is known whether more follow."""
    return Page(tuple(items), token(key(items[-1]), request) if more else None)


def token(position: Position, request: Sequence[str]) -> str:
    """Return the token of the page that begins after a position."""
    content = json.dumps(position, separators=(",", ":")).encode()
    return urlsafe_b64encode(_checksum(content, request) + content).rstrip(b"=").decode()


def _position(content: bytes, parts: int) -> Position:
    """Read a position. Any client can compute a checksum, so it may be anything."""
    try:
        read = json.loads(content)
        if isinstance(read, list) and len(read) == parts and all(map(_is_text, read)):
            return tuple(read)
    except (ValueError, RecursionError):
        pass
    raise foreign_token()


def _is_text(part: object) -> bool:
    """Tell whether both databases take a part as text. Raises ValueError for half of a surrogate pair."""
    return isinstance(part, str) and b"\0" not in part.encode()


def _checksum(content: bytes, request: Sequence[str]) -> bytes:
    return hashlib.sha256(json.dumps(list(request)).encode() + b"\n" + content).digest()[:_CHECKSUM_BYTES]


def foreign_token() -> InvalidParameter:
    """Return the refusal of a token that no page of this list was given."""
    return InvalidParameter("nextToken", "must be the nextToken of an earlier answer to the same request")
