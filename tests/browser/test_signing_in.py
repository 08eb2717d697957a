"""Ways in: an access key, a password, an open account; and how long a client waits that guesses."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.person import Person, send
from tests.served import Served, start

_ANSWERED = re.compile("no active key or user matches|too many failed attempts")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Served]:
    """A server of its own, at which no other test has failed to sign in."""
    served = start(tmp_path / "data")
    yield served
    served.stop()


def test_a_browser_at_the_root_is_led_to_the_console(page: Page, server: Served) -> None:
    page.goto(f"{server.url}/")
    expect(page).to_have_url(f"{server.url}/console/sign-in")


def test_a_user_signs_in_with_an_access_key(page: Page, server: Served, account: str) -> None:
    iam = server.client("iam", account, "us-east-1")
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    page.goto(f"{server.url}/console/sign-in")
    page.get_by_label("Access key id").fill(key["AccessKeyId"])
    page.get_by_label("Secret access key").fill(key["SecretAccessKey"])
    page.get_by_role("button", name="Sign in with the key").click()
    page.locator("summary", has_text="Account").click()
    expect(page.locator(".account-panel")).to_contain_text(f"arn:aws:iam::{account}:user/ada")
    iam.update_access_key(UserName="ada", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_user_signs_in_with_a_password_and_out_by_a_new_one(page: Page, server: Served, account: str) -> None:
    iam = server.client("iam", account, "us-east-1")
    iam.create_user(UserName="ada")
    iam.create_login_profile(UserName="ada", Password="Analytical 1843")
    person = Person(page, server, account)
    person.sign_in_with_password("ada", "Analytical 1843")
    person.sees("Access denied")
    person.sees("ecr:DescribeRepositories")
    iam.update_login_profile(UserName="ada", Password="Difference 1822")
    page.reload()
    person.sees_title("Sign in")


def test_a_wrong_password_tells_nothing_and_costs_time(page: Page, own_server: Served) -> None:
    iam = own_server.client("iam", "123456789012", "us-east-1")
    iam.create_user(UserName="ada")
    iam.create_login_profile(UserName="ada", Password="Analytical 1843")
    person = Person(page, own_server, "123456789012")
    person.sign_in_with_password("ada", "Guessed 1815")
    person.sees("no active key or user matches")
    person.sign_in_with_password("nobody", "Guessed 1815")
    person.sees("no active key or user matches")
    # On a slow machine an attempt takes longer than the first waits last.
    for _ in range(8):
        person.sign_in_with_password("ada", "Guessed 1815")
        expect(page.locator("main")).to_contain_text(_ANSWERED)
        if "too many" in page.locator("main").inner_text():
            break
    person.sees("too many failed attempts to sign in; wait")
    log = own_server.data.with_name("data.log").read_text()
    assert "sign_in.refused" in log
    assert "Guessed" not in log
    person.sees("Request id")


def test_open_accounts_are_offered_only_where_accounts_are_open(page: Page, tmp_path: Path) -> None:
    closed = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="false")
    try:
        page.goto(f"{closed.url}/console/sign-in")
        expect(page.locator("main")).not_to_contain_text("Open accounts")
        token = page.locator("input[name=csrf]").first.input_value()
        form = {"csrf": token, "way": "open", "account": "123456789012"}
        assert send(page, f"{closed.url}/console/sign-in", form).status == 403
    finally:
        closed.stop()
