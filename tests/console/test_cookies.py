"""Cookies: whose they are, and what keeps them where they belong."""

from datetime import timedelta

import pytest

from twinport.console import forgery
from twinport.console.cookies import Cookie
from twinport.http.messages import Message, Request

COOKIE = Cookie("session", lambda: "ab12")


def request(*cookies: str) -> Request:
    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    headers = tuple(("cookie", value) for value in cookies)
    return Request("GET", "/console/", "/console/", "", headers, "127.0.0.1", "http", "id", nothing)


def test_two_deployments_on_one_host_do_not_share_a_cookie() -> None:
    other = Cookie("session", lambda: "cd34")
    assert other.read(request("twinport-session-ab12=mine"), secure=False) is None
    assert COOKIE.read(request("twinport-session-ab12=mine"), secure=False) == "mine"


def test_over_tls_no_plain_page_can_set_it() -> None:
    header = COOKIE.header("value", secure=True, lasts=timedelta(hours=1))
    assert header == ("__Host-twinport-session-ab12=value; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure")
    assert COOKIE.read(request("twinport-session-ab12=plain"), secure=True) is None


def test_a_lifetime_of_nothing_removes_it() -> None:
    assert "Max-Age=0;" in COOKIE.header("", secure=False, lasts=timedelta())


@pytest.mark.parametrize("sent", [("a=1; twinport-session-ab12=mine",), ("a=1", "twinport-session-ab12=mine")])
def test_it_is_found_among_others(sent: tuple[str, ...]) -> None:
    assert COOKIE.read(request(*sent), secure=False) == "mine"


@pytest.mark.parametrize("given", ["", "0" * 64, forgery.token("another"), "ü"])
def test_a_token_of_another_cookie_is_not_genuine(given: str) -> None:
    assert not forgery.is_genuine(given, "mine")
    assert forgery.is_genuine(forgery.token("mine"), "mine")
