"""Which registry a host or a path names, and how a registry is named back to its client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.model.addresses import (
    HostAddress,
    PathAddress,
    address_of,
    is_reserved_name,
    proxy_endpoint,
    repository_uri,
    split_path_address,
)
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName

HOME = Registry(AccountId("123456789012"), RegionName("eu-west-1"))
REGIONS = frozenset({RegionName("eu-west-1"), RegionName("us-east-1")})


@pytest.mark.parametrize(
    "host",
    [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.registry.test:15005",
        "123456789012.DKR.ecr.EU-west-1.localhost",
        "123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com",
        "123456789012.dkr-ecr.eu-west-1.on.aws",
    ],
)
def test_an_ecr_shaped_host_names_its_registry(host: str) -> None:
    assert address_of(host) == HostAddress(HOME)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1:4566",
        "localhost",
        "api.ecr.eu-west-1.amazonaws.com",
        "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1",
        "x.123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x",
    ],
)
def test_any_other_host_is_the_edge(host: str) -> None:
    assert address_of(host) == PathAddress()


def test_twelve_digits_and_a_region_name_the_registry() -> None:
    assert split_path_address("123456789012/eu-west-1/team/api", REGIONS) == (HOME, "team/api")


@pytest.mark.parametrize(
    "path",
    [
        "team/api",
        "123456789012/api",
        "123456789012",
        "123456789012/eu-nowhere-1/api",
        "12345678901/eu-west-1/api",
        "team/123456789012/eu-west-1/api",
        "",
    ],
)
def test_other_paths_are_repository_names_alone(path: str) -> None:
    assert split_path_address(path, REGIONS) == (None, path)
    assert not is_reserved_name(path, REGIONS)


@pytest.mark.parametrize("name", ["123456789012/eu-west-1/api", "123456789012/eu-west-1"])
def test_a_name_that_the_edge_would_read_as_a_registry_is_reserved(name: str) -> None:
    assert is_reserved_name(name, REGIONS)


@given(st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}", fullmatch=True))
def test_the_uri_given_out_at_the_edge_leads_back_to_the_repository(name: str) -> None:
    host, _, path = repository_uri(HOME.repository(RepositoryName(name)), "127.0.0.1:4566", None).partition("/")
    assert host == "127.0.0.1:4566"
    assert split_path_address(path, REGIONS) == (HOME, name)


@pytest.mark.parametrize(
    ("host", "public_url", "uri", "endpoint"),
    [
        (
            "api.ecr.us-east-1.registry.test:8443",
            None,
            "123456789012.dkr.ecr.eu-west-1.registry.test:8443/api",
            "https://123456789012.dkr.ecr.eu-west-1.registry.test:8443",
        ),
        (
            "999999999999.dkr.ecr.us-east-1.amazonaws.com",
            None,
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api",
            "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        ),
        ("localhost:4566", None, "localhost:4566/123456789012/eu-west-1/api", "https://localhost:4566"),
        (
            "api.ecr.us-east-1.registry.test",
            "https://images.example.com",
            "images.example.com/123456789012/eu-west-1/api",
            "https://images.example.com",
        ),
    ],
)
def test_addresses_given_out_follow_one_rule(host: str, public_url: str | None, uri: str, endpoint: str) -> None:
    assert repository_uri(HOME.repository(RepositoryName("api")), host, public_url) == uri
    assert proxy_endpoint(HOME, host, public_url, "https") == endpoint
