"""`/` is the console for people and the services for programs."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.console.browsing import Visitor
from tests.served import Served, start
from tests.waiting import PATIENCE_SECONDS


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


OPENER = urllib.request.build_opener(Stay())


def answer(server: Served, path: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(server.url + path, headers=headers)
    try:
        with OPENER.open(request, timeout=PATIENCE_SECONDS) as opened:
            return opened.status, opened.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers.get("location") or refused.read().decode()


def test_a_browser_is_led_to_the_console(server: Served) -> None:
    assert answer(server, "/", Accept="text/html,application/xhtml+xml") == (303, "/console/")


def test_a_visitor_without_a_session_is_asked_to_sign_in(server: Served) -> None:
    assert answer(server, "/console/") == (303, "/console/sign-in")
    status, place = answer(server, "/console/eu-west-1/images?repository=team/api")
    assert (status, place) == (303, "/console/sign-in?next=%2Fconsole%2Feu-west-1%2Fimages%3Frepository%3Dteam%2Fapi")


def test_a_program_that_asks_for_no_page_is_told_what_this_is(server: Served) -> None:
    status, text = answer(server, "/", Accept="*/*")
    assert status == 200
    assert text.startswith("This is twinport")


def test_a_program_that_asks_without_a_signature_hears_what_aws_says(server: Served) -> None:
    status, _ = answer(server, "/?Action=ListRoles&Version=2010-05-08", Accept="text/html")
    assert status == 403


def test_the_console_opens_the_region_of_the_accounts_oldest_repository(server: Served, account: str) -> None:
    visitor = Visitor(server, {"way": "open", "account": account})
    assert 'summary-value">us-east-1<' in visitor.get("")
    for region in ("us-west-2", "us-east-1", "eu-west-1"):
        server.client("ecr", account, region).create_repository(repositoryName="team/api")
    assert 'summary-value">us-west-2<' in visitor.get("")


@pytest.mark.parametrize("name", ["console.css", "console.js", "icon.svg"])
def test_assets_need_no_session(server: Served, name: str) -> None:
    status, _ = answer(server, f"/console/assets/any/{name}")
    assert status == 200


def test_what_is_no_asset_is_not_served(server: Served) -> None:
    assert answer(server, "/console/assets/any/rendering.py")[0] == 404
    assert answer(server, "/console/assets/../rendering.py")[0] in (303, 404)


def test_behind_a_proxy_that_ends_tls_cookies_are_for_tls_alone(tmp_path: Path) -> None:
    proxied = start(tmp_path / "data", TWINPORT_TRUSTED_PROXIES="127.0.0.1")
    try:
        request = urllib.request.Request(f"{proxied.url}/console/sign-in", headers={"X-Forwarded-Proto": "https"})
        with OPENER.open(request, timeout=PATIENCE_SECONDS) as answer:
            cookie = answer.headers["set-cookie"]
    finally:
        proxied.stop()
    assert cookie.startswith("__Host-twinport-visit-")
    assert cookie.endswith("; HttpOnly; SameSite=Lax; Secure")
