"""The only way to send a request to an address that a tenant named (law 10).

A name is resolved once. Every one of its addresses must be allowed, and the connection goes to exactly these addresses.
Redirects are followed here, and each is checked like the first request. Connections are not pooled: no connection of
one tenant serves another.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from twinport.egress.requests import Address, EgressRequest, EgressResponse, Permissions, Target, plain, target_of
from twinport.processes import pools
from twinport.refusals.egress import (
    AddressForbidden,
    AnswerTooLarge,
    AnswerTooLate,
    TooManyRedirects,
    Unreachable,
    UrlForbidden,
)

MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_PIECE = 1 << 16
Resolve = Callable[[str], Awaitable[Sequence[Address]]]


async def resolve(host: str) -> list[Address]:
    """Ask the system for the addresses of a name. Raises OSError."""
    found = await pools.NAMES.run(lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    return [ip_address(str(each[4][0])) for each in found]


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body is still to come. Reading stops with AnswerTooLarge or AnswerTooLate."""

    status: int
    headers: dict[str, str]
    pieces: AsyncIterator[bytes]


class Egress:
    """Sends requests to addresses that tenants named, if the operator allows the address."""

    def __init__(self, permissions: Permissions, lookup: Resolve = resolve) -> None:
        self._permissions, self._lookup = permissions, lookup
        self._trust = ssl.create_default_context()
        if permissions.authorities is not None:
            self._trust.load_verify_locations(permissions.authorities)

    async def fetch(self, request: EgressRequest) -> EgressResponse:
        """As the port says: return the whole answer, or raise NotFetched."""
        async with self.open(request) as opened:
            body = b"".join([piece async for piece in opened.pieces])
            return EgressResponse(opened.status, opened.headers, body)

    @asynccontextmanager
    async def open(self, request: EgressRequest) -> AsyncIterator[Opened]:
        """Send a request and provide its answer within the block, for at most `request.within`. Raises NotFetched."""
        host, deadline = target_of(request.url, self._permissions).host, asyncio.timeout(_seconds(request))
        try:
            async with deadline, AsyncExitStack() as stack:
                with _translated(host):
                    answer = await self._follow(request, stack)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                yield Opened(answer.status, headers, _pieces(host, answer, request.most_bytes))
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise AnswerTooLate(host, _seconds(request)) from error

    async def _follow(self, request: EgressRequest, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        given_for = target_of(request.url, self._permissions).origin
        for _ in range(MOST_REDIRECTS + 1):
            target = target_of(request.url, self._permissions)
            if target.origin != given_for:
                request = replace(request, authorization=None)
            answer = await self._send(target, request, stack)
            onwards = answer.headers.get("location")
            if answer.status not in _REDIRECTS or onwards is None:
                return answer
            if request.method not in ("GET", "HEAD"):
                raise UrlForbidden(request.url, f"it redirects a {request.method}")
            request = replace(request, url=_joined(request.url, onwards))
        raise TooManyRedirects(MOST_REDIRECTS)

    async def _send(self, target: Target, request: EgressRequest, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        pinned = _Pinned(target, await self._addresses(target))
        connector = aiohttp.TCPConnector(resolver=pinned, use_dns_cache=False, ssl=self._trust, force_close=True)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            # The limit counts the bytes on the wire: no content is decompressed.
            auto_decompress=False,
        )
        await stack.enter_async_context(session)
        headers = {"user-agent": "twinport", "accept-encoding": "identity", **request.headers}
        if request.authorization is not None:
            headers["authorization"] = request.authorization
        sending = session.request(request.method, target.url, headers=headers, data=request.body, allow_redirects=False)
        return await stack.enter_async_context(sending)

    async def _addresses(self, target: Target) -> Sequence[Address]:
        """Return the addresses of a host. A single forbidden address forbids the host."""
        try:
            found: Sequence[Address] = [ip_address(target.host)]
        except ValueError:
            found = await self._lookup(target.host)
        for address in found:
            if not self._permissions.allow(address) or (_is_ours(address) and not self._permissions.list(address)):
                raise AddressForbidden(target.host, str(address))
        if not found:
            raise Unreachable(target.host, "it has no address")
        return found


def _joined(url: str, onwards: str) -> str:
    try:
        return urljoin(url, onwards)
    except ValueError as error:
        raise UrlForbidden(onwards, "it is not a URL") from error


class _Pinned(AbstractResolver):
    """A resolver that knows one name, with the addresses that were checked."""

    def __init__(self, target: Target, addresses: Sequence[Address]) -> None:
        self._target, self._addresses = target, addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        if host.rstrip(".").lower() != self._target.host.rstrip("."):
            raise OSError(f"'{host}' was not looked up")
        return [_resolved(host, port, address) for address in self._addresses]

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


class SystemNames(AbstractResolver):
    """Knows what the system knows, for servers that the operator names. No address is forbidden."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        return [_resolved(host, port, address) for address in await resolve(host)]

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _resolved(host: str, port: int, address: Address) -> ResolveResult:
    return {
        "hostname": host,
        "host": str(address),
        "port": port,
        "family": socket.AF_INET if address.version == 4 else socket.AF_INET6,  # noqa: PLR2004 — IP's version
        "proto": socket.IPPROTO_TCP,
        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    }


def _seconds(request: EgressRequest) -> float:
    return request.within.total_seconds()


@contextmanager
def _translated(host: str) -> Iterator[None]:
    """Convert errors of the HTTP client and the system to Unreachable. Our own deadline raises a cancellation."""
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(host, str(error) or type(error).__name__) from error


async def _pieces(host: str, answer: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    if (answer.content_length or 0) > most:
        raise AnswerTooLarge(most)
    size = 0
    with _translated(host):
        async for piece in answer.content.iter_chunked(_PIECE):
            size += len(piece)
            if size > most:
                raise AnswerTooLarge(most)
            yield piece


def _is_ours(address: Address) -> bool:
    """Tell whether an address is this machine's own, where our own listeners may be. Sends nothing."""
    bare = plain(address)
    family = socket.AF_INET if bare.version == 4 else socket.AF_INET6  # noqa: PLR2004 — IP's version
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            # The system picks its local address for the route. For one of its own addresses this is the same address.
            probe.connect((str(bare), 9))
            return str(probe.getsockname()[0]) == str(bare)
    except OSError:
        return False
