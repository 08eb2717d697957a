"""IP addresses and networks as in policies: IPv4 written inside IPv6 is IPv4."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# The address of a client whose proxy names none that can be parsed. It is in no network.
UNKNOWN = "unknown"
_HOP = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<dotted>[0-9.]+))(?::[0-9]{1,5})?")
_MAPPED = IPv6Network("::ffff:0:0/96")
# An IPv6 network of this length belongs to one subscriber, which may use any address in it.
_SUBSCRIBER = 64
# Longer text is no address. Parsed addresses are remembered, and a client may send text of any length.
_LONGEST = 64
_MOST_REMEMBERED = 4096


def read_address(text: str) -> IPv4Address | IPv6Address:
    """Parse an address. An IPv4-mapped one (`::ffff:192.0.2.1`) is IPv4. Raises ValueError for anything else."""
    if len(text) > _LONGEST:
        raise ValueError(text[:_LONGEST])
    return _parsed(text)


@lru_cache(_MOST_REMEMBERED)
def _parsed(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def read_network(text: str) -> IPv4Network | IPv6Network:
    """Parse an address or a network, IPv4-mapped ones as IPv4. Raises ValueError for anything else."""
    if len(text) > _LONGEST:
        raise ValueError(text[:_LONGEST])
    return _parsed_network(text)


@lru_cache(_MOST_REMEMBERED)
def _parsed_network(text: str) -> IPv4Network | IPv6Network:
    network = ip_network(text, strict=False)
    if isinstance(network, IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    address = int(network.network_address) - int(_MAPPED.network_address)
    return IPv4Network((address, network.prefixlen - _MAPPED.prefixlen))


def peer_address(text: str) -> str:
    """Return the address of a connection's peer. Text that is no address is returned unchanged."""
    try:
        return str(read_address(text)) if ":" in text else text
    except ValueError:
        return text


def hop_address(text: str) -> str:
    """Return the address in one hop of X-Forwarded-For, without the port that some proxies add, or `UNKNOWN`."""
    match = _HOP.fullmatch(text)
    try:
        return str(read_address((match["bracketed"] or match["dotted"] or "") if match else text))
    except ValueError:
        return UNKNOWN


def network_of(address: str) -> str:
    """Return an IPv4 address unchanged, and for an IPv6 address its 64-bit network."""
    return UNKNOWN if len(address) > _LONGEST else _network_of(address)


@lru_cache(_MOST_REMEMBERED)
def _network_of(address: str) -> str:
    try:
        parsed = _parsed(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(ip_network((parsed, _SUBSCRIBER), strict=False))
