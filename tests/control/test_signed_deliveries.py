"""Where accounts are closed, a signature shows the deliveries of a registry to callers that policies allow it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.command_line import called
from tests.served import Served, start
from tests.waiting import PATIENCE_SECONDS

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, notice: Path) -> Iterator[Served]:
    del notice
    served = start(tmp_path_factory.mktemp("closed") / "data", TWINPORT_OPEN_ACCOUNTS="false")
    yield served
    served.stop()


@pytest.fixture(scope="module")
def administrator(closed: Served) -> tuple[str, str, str]:
    """Return an account, and an access key of its administrator."""
    made = called("account", "create", "acme", "--data", str(closed.data)).stdout.split()
    return made[made.index("account") + 1], made[made.index("id") + 1], made[made.index("secret") + 1]


def ask(closed: Served, account: str, key: tuple[str, str] | None) -> tuple[int, dict[str, Any]]:
    url = f"{closed.url}/_twinport/deliveries?account={account}&region={REGION}"
    request = AWSRequest("GET", url)
    if key is not None:
        SigV4Auth(Credentials(*key), "ecr", REGION).add_auth(request)
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=dict(request.headers)), timeout=PATIENCE_SECONDS
        ) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_an_administrators_signature_shows_them(closed: Served, administrator: tuple[str, str, str]) -> None:
    account, *key = administrator
    status, answer = ask(closed, account, (key[0], key[1]))
    assert (status, answer["deliveries"]) == (200, [])


def test_a_user_without_the_permission_is_told_which_one(closed: Served, administrator: tuple[str, str, str]) -> None:
    account, *key = administrator
    iam = closed.client("iam", account, keys=(key[0], key[1], None))
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    status, answer = ask(closed, account, (made["AccessKeyId"], made["SecretAccessKey"]))
    assert status == 403
    assert "not authorized to perform: ecr:DescribeImageReplicationStatus on resource" in answer["message"]


def test_another_accounts_deliveries_are_not_shown(closed: Served, administrator: tuple[str, str, str]) -> None:
    _, *key = administrator
    assert ask(closed, "999988887777", (key[0], key[1]))[0] == 403


def test_a_wrong_signature_shows_nothing(closed: Served, administrator: tuple[str, str, str]) -> None:
    account, key_id, _ = administrator
    assert ask(closed, account, (key_id, "wrong"))[0] == 403


def test_without_a_signature_it_says_what_is_needed(closed: Served, administrator: tuple[str, str, str]) -> None:
    status, answer = ask(closed, administrator[0], None)
    assert status == 403
    assert "signed for ECR" in answer["message"]
