"""Outgoing requests to addresses that a tenant named, as values, and the rules for them. `egress` sends them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from twinport.refusals.egress import UrlForbidden

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_BYTES = 1 << 20
WITHIN = timedelta(seconds=10)
_NAT64 = IPv6Network("64:ff9b::/96")
# Interface identifiers of ISATAP, which end in an IPv4 address (RFC 5214 section 6.1).
_ISATAP = (0x00005EFE, 0x02005EFE)
# Addresses that Python takes for public or does not know: site-local addresses, relays of 6to4, translated and
# segment-routed addresses, IPv6's later block for documentation, and clouds' own service addresses.
_NOT_PUBLIC: tuple[Network, ...] = (
    IPv6Network("fec0::/10"),
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("5f00::/16"),
    IPv6Network("3fff::/20"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),
)
_NAME = re.compile(r"(?=.{1,253}\.?$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the operator allows beyond https to public addresses.

    `networks` are allowed although they are not public. `http_hosts` (`HOST` or `HOST:PORT`) may use plain http.
    `authorities` is a file of certificates that are trusted in addition to the system's.
    """

    networks: tuple[Network, ...] = ()
    http_hosts: frozenset[str] = frozenset()
    authorities: Path | None = None

    def allow(self, address: Address) -> bool:
        """Tell whether `address` is allowed: it is public in every reading, or the operator lists it."""
        return all(_is_public(each) for each in readings(address)) or self.list(address)

    def list(self, address: Address) -> bool:
        """Tell whether the operator lists a network with `address`, or with the IPv4 address inside it."""
        return any(address in network or plain(address) in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class EgressRequest:
    """A request. `authorization` goes to the host of `url` and to no other; `headers` must hold no secret."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    most_bytes: int = MOST_BYTES
    within: timedelta = WITHIN


@dataclass(frozen=True, slots=True)
class EgressResponse:
    """The whole answer, whatever its status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetcher(Protocol):
    async def fetch(self, request: EgressRequest) -> EgressResponse:
        """Send a request and return the answer, or raise NotFetched and nothing else. Leaves nothing running."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """An allowed URL in its parts. `host` is in lower case, without brackets."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def target_of(url: str, permissions: Permissions) -> Target:
    """Split a URL. Raises UrlForbidden unless it is https or allowed http, and for any unusual form."""
    parts = _split(url)
    host, port = (parts.hostname or "").lower(), _port(url, parts)
    if parts.scheme not in _PORTS:
        raise UrlForbidden(url, "only https is followed")
    if parts.username is not None or parts.password is not None:
        raise UrlForbidden(url, "it holds a name or a password")
    if not _is_host(host):
        raise UrlForbidden(url, "its host is neither a name nor an address in its usual form")
    plain_allowed = {host, f"{host}:{port}"} & permissions.http_hosts
    if parts.scheme == "http" and not plain_allowed:
        raise UrlForbidden(url, "http is spoken with hosts that 'egress_http_hosts' lists alone")
    return Target(url, parts.scheme, host, port)


def readings(address: Address) -> tuple[Address, ...]:
    """Return every address that `address` may lead to: itself, and an IPv4 address that it wraps."""
    return (plain(address),) if plain(address) is address else (address, plain(address))


def plain(address: Address) -> Address:
    """Return the IPv4 address inside a mapped, translated or tunneled IPv6 address; any other address unchanged."""
    if isinstance(address, IPv4Address):
        return address
    teredo = address.teredo[1] if address.teredo else None
    wraps_last = address in _NAT64 or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    inside = IPv4Address(int(address) & 0xFFFFFFFF) if wraps_last else None
    return address.ipv4_mapped or address.sixtofour or teredo or inside or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in _NAT64):
        # This is only another form of the wrapped address, which is checked by itself.
        return True
    odd = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    is_listed = any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not odd and not address.is_link_local and not is_listed


def _split(url: str) -> SplitResult:
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise UrlForbidden(url, "it holds blanks or characters that are invisible")
    try:
        return urlsplit(url)
    except ValueError as error:
        raise UrlForbidden(url, "it is not a URL") from error


def _port(url: str, parts: SplitResult) -> int:
    try:
        return parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise UrlForbidden(url, "its port is none") from error


def _is_host(host: str) -> bool:
    """Tell whether a host is a name, or an address in its usual form: not decimal, octal or shortened."""
    if ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            ip_address(host)
        except ValueError:
            return False
        return "%" not in host
    return _NAME.fullmatch(host) is not None
