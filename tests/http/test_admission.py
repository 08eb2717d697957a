"""Admission: each trick of a browser, a name server or a proxy is one test."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from twinport.http.admission import Admission, admission_of
from twinport.http.messages import Message, Request, request_of
from twinport.model.identities import Origin
from twinport.model.names import RegionName
from twinport.refusals.callers import HostUnclear, OriginRefused

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ADMISSION = admission_of(["registry.example", "*.apps.example"], "https://hub.example:8443/base", ["10.0.0.0/8"])


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
        "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
        "111122223333.dkr-ecr.eu-west-1.on.aws",
        "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "api.ecr.eu-west-1.amazonaws.com",
        "ecr-fips.us-east-1.amazonaws.com",
        "ecr.eu-west-1.api.aws",
        "iam.amazonaws.com",
        "iam.global.api.aws",
        "sts.amazonaws.com:443",
        "sts.ap-southeast-7.amazonaws.com",
        "registry.example",
        "x.apps.example",
        "hub.example:8443",
    ],
)
def test_our_hosts_are_admitted(host: str) -> None:
    ADMISSION.admit(request(host=host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "111122223333.dkr.ecr.eu-west-1.evil.example",
        "localhost.evil.example",
        "notlocalhost",
        "apps.example",
        "127.0.0.1.evil.example",
        "registry.example@evil.example",
        "a b",
        "registry.example, evil.example",
        "amazonaws.com",
        "evil.s3.amazonaws.com",
        "sts.s3.amazonaws.com",
        "ec2-203-0-113-9.eu-west-1.compute.amazonaws.com",
        "evil.execute-api.eu-west-1.amazonaws.com",
        "evil.elb.eu-west-1.amazonaws.com",
        "evil.lambda-url.eu-west-1.on.aws",
        "111122223333.dkr.ecr.evil.eu-west-1.amazonaws.com",
        "x.111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "1111.dkr.ecr.eu-west-1.amazonaws.com",
        "sts.eu-west-1.elb.amazonaws.com",
    ],
)
def test_a_name_that_was_rebound_to_us_is_refused(host: str) -> None:
    with pytest.raises(OriginRefused):
        ADMISSION.admit(request(host=host))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:4566"])
def test_a_page_is_refused_by_its_origin(origin: str) -> None:
    with pytest.raises(OriginRefused):
        ADMISSION.admit(request(origin=origin))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_another_site_caused_is_refused(site: str) -> None:
    with pytest.raises(OriginRefused):
        ADMISSION.admit(request(sec_fetch_site=site))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_an_address_typed_by_a_person_is_admitted(site: str) -> None:
    ADMISSION.admit(request(sec_fetch_site=site))


def test_only_a_trusted_proxy_says_who_the_client_is() -> None:
    forged = request("203.0.113.9", x_forwarded_for="198.51.100.1", x_forwarded_proto="https")
    assert ADMISSION.client(forged) == ("203.0.113.9", False)


def test_a_trusted_proxy_names_the_client_and_hearsay_before_it_is_dropped() -> None:
    came = request("10.1.1.1", x_forwarded_for="127.0.0.1, 198.51.100.1, 10.2.2.2", x_forwarded_proto="https")
    assert ADMISSION.client(came) == ("198.51.100.1", True)


@pytest.mark.parametrize("hops", ["nonsense", "198.51.100.1, nonsense", "198.51.100.1, ", "", "[::1", "1.2.3.4:x"])
def test_a_last_hop_that_cannot_be_read_leaves_the_client_unknown(hops: str) -> None:
    assert ADMISSION.client(request("10.1.1.1", x_forwarded_for=hops)) == ("unknown", False)


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("[::ffff:203.0.113.5]:80", "203.0.113.5"),
        ("203.0.113.5:80", "203.0.113.5"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
    ],
)
def test_a_hop_is_read_without_its_port_and_version_4_as_version_4(hop: str, address: str) -> None:
    assert ADMISSION.client(request("10.1.1.1", x_forwarded_for=hop)) == (address, False)


def test_a_trusted_proxy_with_a_port_or_written_as_version_6_is_passed_over() -> None:
    hops = "198.51.100.1, 10.2.2.2:8080, ::ffff:10.3.3.3"
    assert ADMISSION.client(request("10.1.1.1", x_forwarded_for=hops)) == ("198.51.100.1", False)


def test_a_network_of_proxies_written_as_version_6_trusts_those_of_version_4() -> None:
    admission = admission_of((), None, ["::ffff:10.0.0.0/104"])
    assert admission.client(request("10.1.1.1", x_forwarded_for="198.51.100.1")) == ("198.51.100.1", False)


def arrived(client: str, **headers: str) -> Request:
    """Return a request as it is read from a connection with `client`."""
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": "GET", "path": "/v2/", "headers": lines, "client": (client, 50000), "http_version": "1.1"}
    return request_of(scope, request().receive, "id")


def test_a_client_of_version_4_has_its_address_of_version_4_at_a_listener_for_both() -> None:
    assert ADMISSION.origin_of(arrived("::ffff:203.0.113.5"), NOW).source_ip == "203.0.113.5"
    assert ADMISSION.origin_of(arrived("2001:db8::1"), NOW).source_ip == "2001:db8::1"


def test_a_proxy_of_version_4_is_trusted_at_a_listener_for_both() -> None:
    came = arrived("::ffff:10.1.1.1", x_forwarded_for="198.51.100.1")
    assert ADMISSION.client(came) == ("198.51.100.1", False)
    assert not admission_of((), None, ["127.0.0.1"]).is_local(arrived("::ffff:127.0.0.1"))
    assert ADMISSION.is_local(arrived("::ffff:127.0.0.1"))


def test_a_host_is_named_once() -> None:
    for hosts in ((), (("host", ""),), (("host", "localhost"), ("host", "localhost"))):
        with pytest.raises(HostUnclear):
            ADMISSION.admit(replace(request(), headers=hosts))


def test_the_origin_of_a_request_holds_all_that_policies_may_ask_about() -> None:
    came = request("10.1.1.1", x_forwarded_for="198.51.100.1", x_forwarded_proto="https", user_agent="a", referer="b")
    assert ADMISSION.origin_of(came, NOW) == Origin(
        RegionName(""), "198.51.100.1", secure=True, user_agent="a", at=NOW, referer="b"
    )


def test_an_edge_without_settings_knows_addresses_and_localhost() -> None:
    admission = Admission((), ())
    assert admission.knows("127.0.0.1:1")
    assert not admission.knows("example.com")


def on_the_console(**headers: str) -> Request:
    return replace(request(**headers), method="POST", path="/console/eu-west-1/repositories/new")


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4566", "HTTP://127.0.0.1:4566"])
def test_a_page_of_the_console_may_send_its_forms(origin: str) -> None:
    ADMISSION.admit(on_the_console(origin=origin, sec_fetch_site="same-origin"))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1:4567",
        "https://127.0.0.1:4566",
        "http://localhost:4566",
        "http://127.0.0.1:4566, https://evil.example",
    ],
)
def test_a_page_of_another_origin_may_send_the_console_nothing(origin: str) -> None:
    with pytest.raises(OriginRefused):
        ADMISSION.admit(on_the_console(origin=origin))


def test_behind_a_trusted_proxy_the_consoles_origin_is_the_one_that_people_see() -> None:
    proxied = replace(on_the_console(origin="https://127.0.0.1:4566", x_forwarded_proto="https"), client="10.1.1.1")
    ADMISSION.admit(proxied)


LINK = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


def test_a_link_from_another_site_leads_to_the_console_and_to_nothing_else() -> None:
    ADMISSION.admit(replace(on_the_console(**LINK), method="GET"))
    with pytest.raises(OriginRefused):
        ADMISSION.admit(request(**LINK))


@pytest.mark.parametrize("changed", [{"sec_fetch_mode": "no-cors"}, {"sec_fetch_dest": "iframe"}])
def test_another_site_can_neither_fetch_nor_frame_the_console(changed: dict[str, str]) -> None:
    with pytest.raises(OriginRefused):
        ADMISSION.admit(replace(on_the_console(**{**LINK, **changed}), method="GET"))


def test_another_site_cannot_post_to_the_console_even_by_navigating() -> None:
    with pytest.raises(OriginRefused):
        ADMISSION.admit(on_the_console(**LINK))


@pytest.mark.parametrize(
    "name",
    [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Anything",
        "X-Forwarded",
        "Forwarded-For",
        "X-Original-Forwarded-For",
        "X-Real-IP",
        "Client-IP",
        "X-Client-IP",
        "True-Client-IP",
        "X-Cluster-Client-IP",
        "X-ProxyUser-Ip",
        "CF-Connecting-IP",
        "Fastly-Client-IP",
        "X-Azure-ClientIP",
        "X-Envoy-External-Address",
        "CDN-Loop",
    ],
)
def test_a_request_that_tells_of_a_proxy_is_not_local(name: str) -> None:
    assert not ADMISSION.is_local(arrived("127.0.0.1", **{name: ""}))


def test_the_trace_of_an_sdk_tells_of_no_proxy() -> None:
    assert ADMISSION.is_local(arrived("127.0.0.1", **{"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793"}))
