"""The edge: each trick of a browser, a name server or a proxy is one test."""

import pytest

from twinport.edge import Edge, edge_of
from twinport.errors import OriginRefused
from twinport.exchange import Message, Request

EDGE = edge_of(["registry.example", "*.apps.example"], "https://hub.example:8443/base", ["10.0.0.0/8"])


def request(client: str = "127.0.0.1", **headers: str) -> Request:
    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    lines = {"host": "127.0.0.1:4566", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Request("GET", "/v2/", "/v2/", "", tuple(lines.items()), client, "http", "id", nothing)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4566",
        "[::1]:4566",
        "192.0.2.7",
        "localhost",
        "LocalHost:80",
        "111122223333.dkr.ecr.eu-west-1.localhost:4566",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "registry.example",
        "x.apps.example",
        "hub.example:8443",
    ],
)
def test_our_hosts_are_admitted(host: str) -> None:
    EDGE.admit(request(host=host))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "111122223333.dkr.ecr.eu-west-1.evil.example",
        "localhost.evil.example",
        "notlocalhost",
        "apps.example",
        "127.0.0.1.evil.example",
        "registry.example@evil.example",
        "a b",
        "registry.example, evil.example",
    ],
)
def test_a_name_that_was_rebound_to_us_is_refused(host: str) -> None:
    with pytest.raises(OriginRefused):
        EDGE.admit(request(host=host))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:4566"])
def test_a_page_is_refused_by_its_origin(origin: str) -> None:
    with pytest.raises(OriginRefused):
        EDGE.admit(request(origin=origin))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_another_site_caused_is_refused(site: str) -> None:
    with pytest.raises(OriginRefused):
        EDGE.admit(request(sec_fetch_site=site))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_an_address_typed_by_a_person_is_admitted(site: str) -> None:
    EDGE.admit(request(sec_fetch_site=site))


def test_nobody_but_a_trusted_proxy_says_who_the_client_is() -> None:
    forged = request("203.0.113.9", x_forwarded_for="198.51.100.1", x_forwarded_proto="https")
    assert EDGE.client(forged) == ("203.0.113.9", False)


def test_a_trusted_proxy_names_the_client_and_hearsay_before_it_is_dropped() -> None:
    came = request("10.1.1.1", x_forwarded_for="127.0.0.1, 198.51.100.1, 10.2.2.2", x_forwarded_proto="https")
    assert EDGE.client(came) == ("198.51.100.1", True)


def test_nonsense_from_a_trusted_proxy_leaves_the_proxys_address() -> None:
    assert EDGE.client(request("10.1.1.1", x_forwarded_for="nonsense")) == ("10.1.1.1", False)


def test_an_edge_without_settings_knows_addresses_and_localhost() -> None:
    edge = Edge((), ())
    assert edge.knows("127.0.0.1:1")
    assert not edge.knows("example.com")
