"""Paths of the console: which page they name, and where signing in may lead."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import doors
from twinport.console.door import ConsoleDoor
from twinport.console.entrance import local_path
from twinport.console.pages import address
from twinport.console.routes import Route, RouteTable
from twinport.console.visits import Redirect, Visit

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "console.md"


async def first(_: Visit) -> Redirect:
    return Redirect("/first")


async def second(_: Visit) -> Redirect:
    return Redirect("/second")


ROUTES = RouteTable(
    (
        Route("GET", "/console/{region}/roles", first),
        Route("GET", "/console/{region}/roles/{name}", second),
        Route("POST", "/console/{region}/roles/{name}", first),
    )
)


def test_variable_segments_are_handed_over() -> None:
    found = ROUTES.find("GET", "/console/eu-west-1/roles/build")
    assert found is not None
    assert found.handler is second
    assert found.parts == {"region": "eu-west-1", "name": "build"}


def test_a_head_request_takes_the_route_of_get() -> None:
    assert ROUTES.find("HEAD", "/console/eu-west-1/roles") is not None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/console/eu-west-1/roles/"),
        ("GET", "/console//roles"),
        ("GET", "/console/eu-west-1/roles/build/more"),
        ("DELETE", "/console/eu-west-1/roles"),
        ("POST", "/console/eu-west-1/roles"),
    ],
)
def test_what_no_pattern_matches_has_no_page(method: str, path: str) -> None:
    assert ROUTES.find(method, path) is None


@pytest.mark.parametrize("path", ["/console/eu-west-1/images?repository=team/api", "/console/us-east-1/roles/x"])
def test_signing_in_leads_back_to_the_page_that_was_asked_for(path: str) -> None:
    assert local_path(path) == path


@given(st.text(max_size=40))
def test_signing_in_never_leaves_the_console(text: str) -> None:
    for candidate in (text, f"/console/{text}"):
        path = local_path(candidate)
        assert path.startswith("/console/")
        assert not {"\\", "\r", "\n", "\0", "\t"} & set(path)
        assert "//" not in path


def test_empty_values_are_left_out_of_an_address() -> None:
    assert address("/console/x", page="", repository="team/api") == "/console/x?repository=team%2Fapi"
    assert address("/console/x", page="") == "/console/x"


def test_the_reference_has_a_row_for_every_subject_of_the_console() -> None:
    [console] = [door for _, door in doors.built() if isinstance(door, ConsoleDoor)]
    subjects = {route.pattern.removeprefix("/console/{region}/").split("/")[0] for route in console.pages.routes}
    rows = {line.split("`")[1].split("?")[0] for line in REFERENCE.read_text().splitlines() if line.startswith("| `")}
    assert subjects <= rows
