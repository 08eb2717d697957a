"""Accounts are closed unless the operator opens them, and then they are open to this machine's own clients alone."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.command_line import called
from tests.iam.answers import ALLOW_ALL, keys_of, trusting
from tests.ports import free_port
from tests.served import Served, new_account, start
from tests.strangers import ADMITTED, REFUSED, REFUSED_CALLS, Stranger, token
from twinport.errors import ConfigurationWrong
from twinport.settings.loading import load
from twinport.settings.open_accounts import OpenAccounts

PROXIED = [
    {"X-Forwarded-For": "203.0.113.9"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Host": "registry.example"},
    {"X-Forwarded-Anything": ""},
    {"Forwarded": "for=203.0.113.9"},
    {"Via": "1.1 proxy"},
    {"X-Real-IP": "203.0.113.9"},
]


def started(served: Served) -> dict[str, object]:
    """Return what the server says of itself when it has started."""
    return next(each for each in events(served) if each["event"] == "server.started")


def events(served: Served) -> list[dict[str, object]]:
    log = (served.data.parent / f"{served.data.name}.log").read_text()
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("open") / "data", TWINPORT_OPEN_ACCOUNTS="true")
    yield served
    served.stop()


@pytest.fixture(scope="module")
def password(opened: Served) -> str:
    return token(opened.url)


def test_a_server_that_was_told_nothing_is_closed(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="")
    try:
        assert Stranger(f"127.0.0.1:{served.port}", "QVdTOng=").tries() == REFUSED
        assert "Open accounts" not in Stranger(f"127.0.0.1:{served.port}", "").offered()
        assert started(served)["accounts"] == "closed"
    finally:
        served.stop()


def test_a_closed_server_says_once_why_a_twelve_digit_key_is_refused_and_what_to_do(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="")
    try:
        for _ in range(3):
            with pytest.raises(ClientError):
                served.client("ecr", "111111111111").describe_registry()
        [refused] = [each for each in events(served) if each["event"] == "open_account.refused"]
    finally:
        served.stop()
    assert (refused["level"], refused["account"], refused["source"]) == ("warning", "111111111111", "127.0.0.1")
    assert "accounts are closed" in str(refused["reason"])
    assert "twinport account create" in str(refused["reason"])
    assert "--open" in str(refused["reason"])


def test_open_accounts_are_open_to_clients_of_this_machine(opened: Served, password: str) -> None:
    client = Stranger(f"127.0.0.1:{opened.port}", password)
    assert client.tries() == ADMITTED
    assert "Open accounts" in client.offered()


@pytest.mark.parametrize("headers", PROXIED, ids=lambda each: next(iter(each)))
def test_a_request_that_a_proxy_passed_on_opens_no_account(
    opened: Served, password: str, headers: Mapping[str, str]
) -> None:
    stranger = Stranger(f"127.0.0.1:{opened.port}", password, headers)
    assert stranger.calls() == REFUSED_CALLS
    assert "Open accounts" not in stranger.offered()


def test_a_request_that_a_proxy_passed_on_signs_no_open_account_in(opened: Served, password: str) -> None:
    assert Stranger(f"127.0.0.1:{opened.port}", password, {"Via": "1.1 proxy"}).tries() == REFUSED


def test_http_1_0_which_nginx_speaks_to_servers_opens_no_account(opened: Served, password: str) -> None:
    assert Stranger(f"127.0.0.1:{opened.port}", password, speaks_http_10=True).calls() == REFUSED_CALLS


def sessions_of_an_open_root(served: Served) -> dict[str, tuple[str, str, str]]:
    """Begin a session in each way in which the root of an open account may."""
    account = new_account()
    iam, sts = served.client("iam", account), served.client("sts", account)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(account))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=ALLOW_ALL)
    own = keys_in(sts.get_session_token())
    behind = served.client("sts", account, keys=keys_in(sts.assume_role(RoleArn=role, RoleSessionName="first")))
    return {
        "own": own,
        "federated": keys_in(sts.get_federation_token(Name="ann")),
        "role": keys_in(sts.assume_role(RoleArn=role, RoleSessionName="one")),
        "chained": keys_in(behind.assume_role(RoleArn=role, RoleSessionName="second")),
    }


def keys_in(answer: dict[str, dict[str, str]]) -> tuple[str, str, str]:
    found = answer["Credentials"]
    return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]


def who(served: Served, keys: tuple[str, str, str], **headers: str) -> str:
    """Ask who the holder of keys is; return the account, or the code of the refusal."""
    sts = served.client("sts", "", keys=keys)

    def tell(request: Any, **_: object) -> None:  # noqa: ANN401 — boto3's requests have no type
        for name, value in headers.items():
            request.headers[name] = value

    sts.meta.events.register("before-sign", tell)
    try:
        return "known" if sts.get_caller_identity()["Account"] else "unknown"
    except ClientError as error:
        return str(error.response["Error"]["Code"])


def test_sessions_of_an_open_root_hold_where_and_while_accounts_are_open(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="true")
    try:
        sessions = sessions_of_an_open_root(served)
        assert {who(served, keys) for keys in sessions.values()} == {"known"}
        proxied = {name: who(served, keys, Via="1.1 proxy") for name, keys in sessions.items()}
        assert set(proxied.values()) == {"InvalidClientTokenId"}, proxied
    finally:
        served.stop()
    closed = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="")
    try:
        assert {who(closed, keys) for keys in sessions.values()} == {"InvalidClientTokenId"}
    finally:
        closed.stop()


def test_sessions_of_keys_hold_where_accounts_are_closed(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="true")
    try:
        account = new_account()
        iam = served.client("iam", account)
        user = keys_of(iam, "ann", ALLOW_ALL)
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(account))["Role"]["Arn"]
        sts = served.client("sts", account, keys=user)
        sessions = [keys_in(sts.get_session_token()), keys_in(sts.assume_role(RoleArn=role, RoleSessionName="one"))]
    finally:
        served.stop()
    closed = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="")
    try:
        assert {who(closed, keys, Via="1.1 proxy") for keys in sessions} == {"known"}
    finally:
        closed.stop()


def test_the_log_says_why_an_open_account_was_refused(opened: Served, password: str) -> None:
    Stranger(f"127.0.0.1:{opened.port}", password, {"Via": "1.1 proxy"}).calls()
    refused = [each for each in events(opened) if each["event"] == "open_account.refused"]
    assert "this machine alone" in str(refused[-1]["reason"])


def test_a_proxy_that_the_operator_trusts_is_no_client_of_this_machine(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="true", TWINPORT_TRUSTED_PROXIES="127.0.0.1")
    try:
        assert Stranger(f"127.0.0.1:{served.port}", "QVdTOng=").tries() == REFUSED
    finally:
        served.stop()


def test_everywhere_opens_accounts_to_every_client(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="everywhere")
    try:
        proxied = Stranger(f"127.0.0.1:{served.port}", token(served.url), {"X-Forwarded-For": "203.0.113.9"})
        assert proxied.tries() == ADMITTED
        assert started(served)["accounts"] == "open to every client"
    finally:
        served.stop()


def off_loopback(folder: Path, opening: str) -> Served:
    port = free_port()
    everywhere = ("--listen", f"0.0.0.0:{port}")
    return start(folder / "data", port, words=everywhere, TWINPORT_OPEN_ACCOUNTS=opening)


def test_open_accounts_stay_closed_on_an_address_that_others_reach(tmp_path: Path) -> None:
    served = off_loopback(tmp_path, "true")
    try:
        assert Stranger(f"127.0.0.1:{served.port}", "QVdTOng=").tries() == REFUSED
        assert started(served)["accounts"] == "closed"
        [warned] = [each for each in events(served) if each["event"] == "accounts.not_opened"]
        assert 'open_accounts = "everywhere"' in str(warned["reason"])
    finally:
        served.stop()


def test_accounts_that_others_can_open_are_warned_of(tmp_path: Path) -> None:
    served = off_loopback(tmp_path, "everywhere")
    try:
        assert Stranger(f"127.0.0.1:{served.port}", token(served.url)).tries() == ADMITTED
        [warned] = [each for each in events(served) if each["event"] == "accounts.open_to_others"]
        assert warned["level"] == "warning"
    finally:
        served.stop()


def test_the_start_is_recorded_with_what_an_operator_must_know(opened: Served) -> None:
    told = started(opened)
    assert (told["accounts"], told["tls"], told["database"]) == ("open to this machine", False, "sqlite")
    assert (told["address"], told["version"]) == (f"127.0.0.1:{opened.port}", called("version").stdout.strip())


def test_the_start_is_recorded_without_the_databases_password(tmp_path: Path, postgres_address: str) -> None:
    user, _, place = postgres_address.partition("@")
    address = f"{user.removesuffix(':')}:s3cret@{place}"
    served = start(tmp_path / "data", TWINPORT_DATABASE=address)
    try:
        assert started(served)["database"] == "postgresql"
        assert "s3cret" not in json.dumps(events(served))
    finally:
        served.stop()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({}, OpenAccounts.CLOSED),
        ({"open_accounts": False}, OpenAccounts.CLOSED),
        ({"open_accounts": True}, OpenAccounts.LOCAL),
        ({"open_accounts": True, "listen": "localhost:1"}, OpenAccounts.LOCAL),
        ({"open_accounts": True, "listen": "[::1]:1"}, OpenAccounts.LOCAL),
        ({"open_accounts": True, "listen": "[::]:1"}, OpenAccounts.CLOSED),
        ({"open_accounts": True, "listen": "registry.example:1"}, OpenAccounts.CLOSED),
        ({"open_accounts": "everywhere", "listen": "[::]:1"}, OpenAccounts.EVERYWHERE),
    ],
)
def test_whether_accounts_are_open_follows_from_what_is_said_and_where_it_listens(
    said: dict[str, object], meant: OpenAccounts
) -> None:
    assert load(None, {}, said).opening is meant


@pytest.mark.parametrize("said", ["anywhere", 1, None, ["everywhere"]])
def test_another_word_for_open_accounts_is_refused(said: object) -> None:
    with pytest.raises(ConfigurationWrong, match="true, false or 'everywhere'"):
        load(None, {}, {"open_accounts": said})


def test_the_option_opens_accounts_of_a_server(tmp_path: Path) -> None:
    served = start(tmp_path / "data", words=("--open",), TWINPORT_OPEN_ACCOUNTS="")
    try:
        assert Stranger(f"127.0.0.1:{served.port}", token(served.url)).tries() == ADMITTED
    finally:
        served.stop()


def test_a_tour_needs_open_accounts_and_says_so(tmp_path: Path) -> None:
    ended = called(
        "run", "--data", str(tmp_path), "--listen", f"127.0.0.1:{free_port()}", TWINPORT_OPEN_ACCOUNTS="false"
    )
    assert ended.code == 3
    assert "open_accounts" in ended.stderr


def test_the_sign_in_page_tells_the_short_credentials_where_accounts_are_open(opened: Served) -> None:
    page = Stranger(f"127.0.0.1:{opened.port}", "").offered()
    assert "<code>test</code>/<code>test</code> is account 000000000000" in page
    client = opened.client("sts", "test")
    assert client.get_caller_identity()["Account"] == "000000000000"
