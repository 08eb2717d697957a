"""Passwords of users, by boto3 of a real server."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.served import Served

GOOD = "Analytical 1843"


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    client = server.client("iam", account, "us-east-1")
    client.create_user(UserName="ada")
    return client


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    found: str = refused.value.response["Error"]["Code"]
    return found


def test_a_password_is_given_replaced_and_taken_away(iam: Any) -> None:  # noqa: ANN401 — as above
    made = iam.create_login_profile(UserName="ada", Password=GOOD)["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == ("ada", False)
    iam.update_login_profile(UserName="ada", Password="Difference 1822")
    assert iam.get_login_profile(UserName="ada")["LoginProfile"]["CreateDate"] == made["CreateDate"]
    iam.delete_login_profile(UserName="ada")
    with pytest.raises(ClientError) as refused:
        iam.get_login_profile(UserName="ada")
    assert code(refused) == "NoSuchEntity"


def test_a_user_has_one_password_and_outlives_it(iam: Any) -> None:  # noqa: ANN401 — as above
    iam.create_login_profile(UserName="ada", Password=GOOD)
    with pytest.raises(ClientError) as twice:
        iam.create_login_profile(UserName="ada", Password=GOOD)
    with pytest.raises(ClientError) as bound:
        iam.delete_user(UserName="ada")
    assert (code(twice), code(bound)) == ("EntityAlreadyExists", "DeleteConflict")


def test_what_is_weak_or_not_honored_is_refused(iam: Any) -> None:  # noqa: ANN401 — as above
    with pytest.raises(ClientError) as weak:
        iam.create_login_profile(UserName="ada", Password="password")
    with pytest.raises(ClientError) as reset:
        iam.create_login_profile(UserName="ada", Password=GOOD, PasswordResetRequired=True)
    with pytest.raises(ClientError) as stranger:
        iam.create_login_profile(UserName="nobody", Password=GOOD)
    assert code(weak) == "PasswordPolicyViolation"
    assert "PasswordResetRequired" in str(reset.value)
    assert code(stranger) == "NoSuchEntity"
    with pytest.raises(ClientError) as none:
        iam.get_login_profile(UserName="ada")
    assert code(none) == "NoSuchEntity"
