"""Where requests may go: URLs and addresses, judged before anything is sent."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.egress.requests import Permissions, plain, readings, target_of
from twinport.refusals.egress import UrlForbidden

NOTHING = Permissions()
LOOPBACK = Permissions(networks=(ip_network("127.0.0.0/8"),))
FORBIDDEN = [
    "0.0.0.0",  # noqa: S104 — nothing is bound
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
    "fec0::1",
    "feff::1",
    "2600:1f18::5efe:127.0.0.1",
    "2600:1f18::200:5efe:10.0.0.1",
    "2600:1f18::5efe:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "64:ff9b::a83f:8110",
    "192.88.99.1",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "192.0.0.192",
    "100.100.100.200",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "2001:0:7f00:1::",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_an_address_that_is_not_public_is_not_reached_in_any_of_its_forms(text: str) -> None:
    assert not NOTHING.allow(ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "2600:1f18::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2600:1f18::5efe:8.8.8.8"]
)
def test_a_public_address_is_reached(text: str) -> None:
    assert NOTHING.allow(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_wrapped(address: IPv4Address) -> None:
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert NOTHING.allow(ip_address(wrapped)) == NOTHING.allow(address)
        assert plain(ip_address(wrapped)) == address


@given(st.ip_addresses(v=6))
def test_whatever_an_address_wraps_must_be_public_too(address: IPv6Address) -> None:
    if NOTHING.allow(address):
        assert all(NOTHING.allow(each) for each in readings(address))


def test_the_operator_opens_no_more_than_is_listed() -> None:
    assert LOOPBACK.allow(ip_address("127.0.0.1"))
    assert LOOPBACK.allow(ip_address("::ffff:127.0.0.1"))
    assert not LOOPBACK.allow(ip_address("::1"))
    assert not LOOPBACK.allow(ip_address("169.254.169.254"))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://@example.com/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1.0x1/",
        "https://[::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com\n.evil/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://[not-an-address]/",
        "https://a..b/",
        "https://-a.example/",
        "https://ⓔxample.com/",
        f"https://{'a' * 64}.com/",
    ],
)
def test_an_odd_url_is_not_followed(url: str) -> None:
    with pytest.raises(UrlForbidden):
        target_of(url, NOTHING)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://example.com", ("https", "example.com", 443)),
        ("https://EXAMPLE.com:8443/path?query", ("https", "example.com", 8443)),
        ("https://127.0.0.1:5000/", ("https", "127.0.0.1", 5000)),
        ("https://[::1]:5000/", ("https", "::1", 5000)),
        ("https://a_b.example.com./", ("https", "a_b.example.com.", 443)),
    ],
)
def test_an_ordinary_url_is_taken_apart(url: str, origin: tuple[str, str, int]) -> None:
    assert target_of(url, NOTHING).origin == origin


def test_http_is_spoken_with_listed_hosts_alone() -> None:
    with_port = Permissions(http_hosts=frozenset({"registry.internal:5000"}))
    assert target_of("http://registry.internal:5000/v2/", with_port).port == 5000
    with pytest.raises(UrlForbidden):
        target_of("http://registry.internal/v2/", with_port)
    with_name = Permissions(http_hosts=frozenset({"registry.internal"}))
    assert target_of("http://registry.internal:81/", with_name).port == 81
