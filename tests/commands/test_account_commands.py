"""Accounts and users by the operator's hand, beside a server that runs and without one."""

import json
import re
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.browser.pushing import hold_back, push
from tests.command_line import Ended, called
from tests.postgres import PostgresServer
from tests.served import Served, new_account, start
from tests.waiting import PATIENCE_SECONDS, until

POWER_USER = "AmazonEC2ContainerRegistryPowerUser"


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Served]:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="false")
    yield served
    served.stop()


def done(data: Path, *words: str, **environment: str) -> str:
    """Run a command that must succeed, and return what it printed."""
    ended = called(*words, "--data", str(data), TWINPORT_OPEN_ACCOUNTS="false", **environment)
    assert ended.code == 0, ended.stderr
    return ended.stdout


def refused(data: Path, *words: str) -> str:
    ended = called(*words, "--data", str(data), TWINPORT_OPEN_ACCOUNTS="false")
    assert ended.code == 3, ended.stderr
    return ended.stderr


def keys_in(shown: str) -> tuple[str, str, None]:
    facts = dict(re.findall(r"^(\w[\w ]+?) {2,}(\S+)$", shown, re.MULTILINE))
    return facts["access key id"], facts["secret"], None


def test_a_user_made_beside_a_server_may_at_once_what_its_policies_allow(closed: Served) -> None:
    account = done(closed.data, "account", "create", "acme").split()[1]
    shown = done(closed.data, "user", "create", "acme", "ci", "--attach", POWER_USER)
    assert f"arn:aws:iam::{account}:user/ci" in shown
    ecr = closed.client("ecr", account, keys=keys_in(shown))
    assert ecr.describe_repositories()["repositories"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        ecr.delete_registry_policy()


def test_users_and_accounts_are_listed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    account = done(data, "account", "create", "acme").split()[1]
    done(data, "account", "create", "beta")
    for name in ("zoe", "ann"):
        done(data, "user", "create", account, name)
    assert re.findall(r"^(\d{12})  [\d-]{10}  (\w+)$", done(data, "account", "list"), re.MULTILINE)[0] == (
        account,
        "acme",
    )
    lines = done(data, "user", "list", "acme").splitlines()
    assert [line.split()[0] for line in lines] == ["administrator", "ann", "zoe"]


def test_nothing_of_a_disabled_account_may_do_anything_until_it_is_enabled(closed: Served) -> None:
    account, key = created(closed, "acme")
    ecr = closed.client("ecr", account, keys=key)
    ecr.create_repository(repositoryName="team/api")
    session = closed.client("sts", account, keys=key).get_session_token()["Credentials"]
    in_session = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert tags_status(closed, account, token) == HTTPStatus.OK
    done(closed.data, "account", "disable", "acme")
    for keys in (key, in_session):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            closed.client("sts", account, keys=keys).get_caller_identity()
    assert tags_status(closed, account, token) in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    assert re.fullmatch(rf"{account}  \S+  acme  disabled since [\d-]+\n", done(closed.data, "account", "list"))
    done(closed.data, "account", "enable", account)
    for keys in (key, in_session):
        assert closed.client("sts", account, keys=keys).get_caller_identity()["Account"] == account
    assert tags_status(closed, account, token) == HTTPStatus.OK
    assert "disabled" not in done(closed.data, "account", "list")
    assert "'unknown'" in refused(closed.data, "account", "disable", "unknown")


def test_the_replication_role_of_a_disabled_account_is_refused_and_others_read_what_it_shared(closed: Served) -> None:
    account, key = created(closed, "acme")
    other, others_key = created(closed, "beta")
    ecr = closed.client("ecr", account, keys=key)
    ecr.create_repository(repositoryName="team/api")
    ecr.set_repository_policy(repositoryName="team/api", policyText=json.dumps(shared_with(other)))
    rule = {"destinations": [{"region": "us-east-1", "registryId": account}]}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    hold_back(closed, "eu-west-1", held=True)
    digest = push(closed, account, "team/api", "1", keys=key)
    done(closed.data, "account", "disable", account)
    hold_back(closed, "eu-west-1", held=False)
    asked = {"repositoryName": "team/api", "imageIds": [{"imageDigest": digest}]}
    reader = closed.client("ecr", other, keys=others_key)
    assert reader.batch_get_image(registryId=account, **asked)["images"]
    until(lambda: states_of_copies(closed) == {"failed"})
    done(closed.data, "account", "enable", account)
    [status] = ecr.describe_image_replication_status(repositoryName="team/api", imageId={"imageDigest": digest})[
        "replicationStatuses"
    ]
    assert status["status"] == "FAILED"


def created(served: Served, name: str) -> tuple[str, tuple[str, str, None]]:
    """Create an account, and return its id and its administrator's key."""
    shown = done(served.data, "account", "create", name)
    return shown.split()[1], keys_in(shown)


def tags_status(served: Served, account: str, token: str) -> int:
    """Ask for the tags as docker would, and return the status of the answer."""
    address = f"{served.url}/v2/{account}/eu-west-1/team/api/tags/list"
    request = urllib.request.Request(address, headers={"Authorization": f"Basic {token}"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def shared_with(account: str) -> dict[str, object]:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def states_of_copies(served: Served) -> set[str]:
    with closing(sqlite3.connect(served.data / "regions" / "eu-west-1" / "catalog.db")) as database:
        return {state for (state,) in database.execute("SELECT state FROM delivery")}


def test_a_lost_key_is_replaced_and_a_stolen_one_switched_off(closed: Served) -> None:
    first = keys_in(done(closed.data, "account", "create", "acme"))
    whose = ("acme", "administrator")
    second = keys_in(done(closed.data, "user", "keys", "create", *whose))
    done(closed.data, "user", "keys", "disable", *whose, first[0])
    account = closed.client("sts", "", keys=second).get_caller_identity()["Account"]
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        closed.client("sts", account, keys=first).get_caller_identity()
    done(closed.data, "user", "keys", "enable", *whose, first[0])
    assert closed.client("sts", account, keys=first).get_caller_identity()["Account"] == account
    assert "Cannot exceed quota for AccessKeysPerUser: 2" in refused(closed.data, "user", "keys", "create", *whose)
    done(closed.data, "user", "keys", "delete", *whose, first[0])
    assert [line.split()[:2] for line in done(closed.data, "user", "keys", "list", *whose).splitlines()] == [
        [second[0], "Active"]
    ]


def test_a_user_whose_policies_cannot_all_be_attached_is_not_made(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done(data, "account", "create", "acme")
    said = refused(data, "user", "create", "acme", "ci", "--attach", POWER_USER, "--attach", "Nonsense")
    assert "no policy of AWS that twinport knows is named 'Nonsense'" in said
    assert "ci" not in done(data, "user", "list", "acme")


def test_an_account_that_was_not_created_is_refused_where_accounts_are_closed(tmp_path: Path) -> None:
    done(tmp_path / "data", "account", "create", "acme")
    assert "twinport account create" in refused(tmp_path / "data", "user", "create", "111122223333", "ci")


def test_any_account_has_users_where_accounts_are_open(server: Served) -> None:
    account = new_account()
    shown = called("user", "create", account, "ci", "--data", str(server.data), TWINPORT_OPEN_ACCOUNTS="true")
    assert shown.code == 0, shown.stderr
    assert server.client("sts", account, keys=keys_in(shown.stdout)).get_caller_identity()["Account"] == account


def test_commands_work_on_postgresql(postgres: PostgresServer, tmp_path: Path) -> None:
    address = postgres.new_address()
    done(tmp_path / "data", "account", "create", "acme", TWINPORT_DATABASE=address)
    done(tmp_path / "data", "user", "create", "acme", "ci", TWINPORT_DATABASE=address)
    assert "ci" in done(tmp_path / "data", "user", "list", "acme", TWINPORT_DATABASE=address)
    postgres.drop(address)


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an account named acme, whose alias is not taken."""
    data = tmp_path_factory.mktemp("acme") / "data"
    assert called("account", "create", "acme", "--data", str(data)).code == 0
    return data


def said_of(data: Path, *words: str) -> Ended:
    return called(*words, "--data", str(data))


@pytest.mark.parametrize("name", ["bad name", "x" * 65, "ba/d", "b\u00e4d", "bad:name", ""])
def test_a_user_is_made_only_under_a_name_that_the_api_takes(acme: Path, name: str) -> None:
    ended = said_of(acme, "user", "create", "acme", name)
    assert (ended.code, ended.stdout, len(ended.stderr.splitlines())) == (3, "", 1)
    assert "validation error" in ended.stderr
    assert said_of(acme, "user", "list", "acme").stdout.split()[0] == "administrator"
    assert len(said_of(acme, "user", "list", "acme").stdout.splitlines()) == 1


def test_commands_refuse_in_the_words_of_the_api(acme: Path, server: Served, account: str) -> None:
    with pytest.raises(ClientError) as refused_by_api:
        server.client("iam", account).create_user(UserName="bad name")
    message = refused_by_api.value.response["Error"]["Message"]
    assert said_of(acme, "user", "create", "acme", "bad name").stderr == f"twinport: {message}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "create", "acme", "no user"),
        ("keys", "list", "acme", "no user"),
        ("keys", "disable", "acme", "administrator", "short"),
        ("keys", "enable", "acme", "administrator", "short"),
        ("keys", "delete", "acme", "administrator", "short"),
        ("create", "acme", "ci", "--attach", "arn:short"),
    ],
)
def test_every_command_about_users_checks_what_it_is_given_as_the_api_does(acme: Path, words: tuple[str, ...]) -> None:
    ended = said_of(acme, "user", *words)
    assert (ended.code, "validation error" in ended.stderr) == (3, True), ended
    assert len(said_of(acme, "user", "list", "acme").stdout.splitlines()) == 1, "and nothing was made"


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "x" * 51, "a\nb", "\u00e4", "111122223333"])
def test_an_account_needs_a_name_that_means_one_account(acme: Path, name: str) -> None:
    ended = said_of(acme, "account", "create", name)
    assert (ended.code, ended.stdout, "cannot name an account" in ended.stderr) == (3, "", True)
    assert len(said_of(acme, "account", "list").stdout.splitlines()) == 1


def test_an_account_is_not_named_as_the_alias_of_another(closed: Served) -> None:
    shown = said_of(closed.data, "account", "create", "acme").stdout
    closed.client("iam", "", keys=keys_in(shown)).create_account_alias(AccountAlias="taken")
    ended = said_of(closed.data, "account", "create", "taken")
    assert (ended.code, "exists already" in ended.stderr) == (3, True)
