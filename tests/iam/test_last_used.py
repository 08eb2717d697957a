"""When keys, roles and passwords were last used, as clients see it."""

import re
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, allowing, keys_of, refusal, trusting
from tests.served import Served, new_account, start


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


def last_use(iam: Any, key: str) -> dict[str, Any]:  # noqa: ANN401
    found: dict[str, Any] = iam.get_access_key_last_used(AccessKeyId=key)
    return found


def is_now(moment: datetime) -> bool:
    return abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def test_a_key_that_was_never_used_says_so(iam: Any) -> None:  # noqa: ANN401
    key, _, _ = keys_of(iam, "ann")
    found = last_use(iam, key)
    assert (found["UserName"], found["AccessKeyLastUsed"]) == ("ann", {"ServiceName": "N/A", "Region": "N/A"})


def test_a_key_says_where_and_for_which_service_it_was_used_last(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    keys = keys_of(iam, "ann", ALLOW_ALL)
    server.client("ecr", account, region="eu-central-1", keys=keys).describe_registry()
    used = last_use(iam, keys[0])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("ecr", "eu-central-1")
    assert is_now(used["LastUsedDate"])
    server.client("sts", account, keys=keys).get_caller_identity()
    assert last_use(iam, keys[0])["AccessKeyLastUsed"]["ServiceName"] == "sts"


def test_a_request_with_a_wrong_secret_is_no_use(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    key, _, _ = keys_of(iam, "ann", ALLOW_ALL)
    refusal(server.client("ecr", account, keys=(key, "wrong", None)).describe_registry)
    assert last_use(iam, key)["AccessKeyLastUsed"]["Region"] == "N/A"


def test_a_key_of_another_account_is_not_found(server: Served, iam: Any) -> None:  # noqa: ANN401
    key, _, _ = keys_of(iam, "ann")
    stranger = server.client("iam", new_account())
    words = f"The Access Key with id {key} cannot be found."
    assert refusal(stranger.get_access_key_last_used, AccessKeyId=key) == (404, "NoSuchEntity", words)


def test_a_permission_for_one_user_shows_the_last_use_of_its_keys(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    own = allowing("iam:GetAccessKeyLastUsed", f"arn:aws:iam::{account}:user/ann")
    keys, others = keys_of(iam, "ann", own), keys_of(iam, "bob")
    ann = server.client("iam", account, keys=keys)
    assert last_use(ann, keys[0])["AccessKeyLastUsed"]["ServiceName"] == "iam"
    assert refusal(ann.get_access_key_last_used, AccessKeyId=others[0])[1] == "AccessDenied"


def test_a_role_says_where_it_was_used_last(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    iam.put_role_policy(RoleName="build", PolicyName="p", PolicyDocument=ALLOW_ALL)
    arn = f"arn:aws:iam::{account}:role/build"
    session = server.client("sts", account).assume_role(RoleArn=arn, RoleSessionName="one")["Credentials"]
    assert iam.get_role(RoleName="build")["Role"]["RoleLastUsed"] == {}
    keys = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    server.client("ecr", account, region="ap-south-1", keys=keys).describe_registry()
    used = iam.get_role(RoleName="build")["Role"]["RoleLastUsed"]
    assert used["Region"] == "ap-south-1"
    assert is_now(used["LastUsedDate"])
    assert all("RoleLastUsed" not in role for role in iam.list_roles()["Roles"])


def test_a_last_use_survives_the_end_of_the_server(tmp_path: Path, account: str) -> None:
    served = start(tmp_path / "data")
    keys = keys_of(served.client("iam", account), "ann", ALLOW_ALL)
    served.client("ecr", account, keys=keys).describe_registry()
    assert served.stop() == 0
    served = start(tmp_path / "data")
    assert last_use(served.client("iam", account), keys[0])["AccessKeyLastUsed"]["ServiceName"] == "ecr"
    served.stop()


def test_people_sign_in_to_an_account_by_its_alias(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_account_alias(AccountAlias=f"acme-{account}")
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="Analytical 1843")
    sign_in(server, f"nobody-{account}", "ann", "Analytical 1843")
    assert "PasswordLastUsed" not in iam.get_user(UserName="ann")["User"]
    sign_in(server, f"acme-{account}", "ann", "Analytical 1843")
    assert is_now(iam.get_user(UserName="ann")["User"]["PasswordLastUsed"])


def test_waiting_for_guesses_at_an_account_does_not_tell_its_alias(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_account_alias(AccountAlias=f"acme-{account}")
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="Analytical 1843")
    guesses = [sign_in(server, account, "ann", "a wrong one") for _ in range(4)]
    assert guesses == [403, 403, 403, 429]
    assert sign_in(server, f"acme-{account}", "ann", "a wrong one") == 403
    assert sign_in(server, f"nobody-{account}", "ann", "a wrong one") == 403


def test_a_password_is_used_by_signing_in_with_it(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="Analytical 1843")
    sign_in(server, account, "ann", "a wrong one")
    assert "PasswordLastUsed" not in iam.get_user(UserName="ann")["User"]
    sign_in(server, account, "ann", "Analytical 1843")
    (listed,) = iam.list_users()["Users"]
    assert listed["PasswordLastUsed"] == iam.get_user(UserName="ann")["User"]["PasswordLastUsed"]
    assert is_now(listed["PasswordLastUsed"])
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="ann")
    assert "PasswordLastUsed" not in iam.get_group(GroupName="staff")["Users"][0]


def sign_in(server: Served, account: str, user: str, password: str) -> int:
    """Fill in the console's form, as a browser does, and return the status of the answer."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    page = browser.open(f"{server.url}/console/sign-in").read().decode()
    token = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    form = {"csrf": token, "way": "password", "account": account, "user": user, "password": password}
    try:
        with browser.open(f"{server.url}/console/sign-in", urllib.parse.urlencode(form).encode()) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
