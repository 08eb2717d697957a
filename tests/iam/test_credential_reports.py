"""Credential reports as clients see them."""

import csv
import io
from datetime import datetime
from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, allowing, keys_of, refusal
from tests.served import Served


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


def report(iam: Any) -> dict[str, dict[str, str]]:  # noqa: ANN401
    """Make a report, and return its lines by user."""
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    answer = iam.get_credential_report()
    assert answer["ReportFormat"] == "text/csv"
    return {line["user"]: line for line in csv.DictReader(io.StringIO(answer["Content"].decode()))}


def test_there_is_none_before_it_is_made(iam: Any) -> None:  # noqa: ANN401
    assert refusal(iam.get_credential_report)[:2] == (410, "ReportNotPresent")


def test_a_user_without_credentials_has_none(iam: Any) -> None:  # noqa: ANN401
    made = iam.create_user(UserName="a,b")["User"]
    line = report(iam)["a,b"]
    assert (line["arn"], datetime.fromisoformat(line["user_creation_time"])) == (made["Arn"], made["CreateDate"])
    assert line["password_enabled"] == line["mfa_active"] == line["access_key_1_active"] == "false"
    nothing = (
        "password_last_used",
        "password_last_changed",
        "access_key_1_last_rotated",
        "access_key_2_last_used_date",
    )
    assert {line[name] for name in nothing} == {"N/A"}


def test_keys_and_passwords_are_shown_with_their_last_use(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    keys = keys_of(iam, "ann", ALLOW_ALL)
    second = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="ann", AccessKeyId=second, Status="Inactive")
    iam.create_login_profile(UserName="ann", Password="Analytical 1843")
    server.client("ecr", account, region="eu-north-1", keys=keys).describe_registry()
    line = report(iam)["ann"]
    assert (line["password_enabled"], line["password_last_used"]) == ("true", "no_information")
    assert (line["access_key_1_active"], line["access_key_2_active"]) == ("true", "false")
    assert (line["access_key_1_last_used_region"], line["access_key_1_last_used_service"]) == ("eu-north-1", "ecr")
    assert line["access_key_2_last_used_date"] == "N/A"


def test_the_root_is_in_the_first_line(iam: Any, account: str) -> None:  # noqa: ANN401
    lines = report(iam)
    assert list(lines) == ["<root_account>"]
    root = lines["<root_account>"]
    assert (root["arn"], root["password_enabled"]) == (f"arn:aws:iam::{account}:root", "not_supported")
    assert len(root) == 22


def test_making_a_report_and_reading_it_are_two_permissions(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    reader = server.client("iam", account, keys=keys_of(iam, "ann", allowing("iam:GetCredentialReport", "*")))
    assert refusal(reader.generate_credential_report)[1] == "AccessDenied"
    iam.generate_credential_report()
    assert reader.get_credential_report()["Content"]
