"""Where accounts are not open: one documented way to the first administrator, and no other."""

import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.commands.test_serving import run
from tests.served import Served, start


@pytest.fixture
def closed(tmp_path: Path) -> Served:
    return start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="false")


def test_the_first_administrator_comes_from_the_command_line(closed: Served) -> None:
    shown = run("account", "create", "acme", "--data", str(closed.data))
    assert shown.returncode == 0, shown.stderr
    facts = dict(re.findall(r"^(\w[\w ]+?) {2,}(\S+)$", shown.stdout, re.MULTILINE))
    keys = (facts["access key id"], facts["secret"], None)

    who = closed.client("sts", facts["account"], keys=keys).get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{facts['account']}:user/administrator"
    closed.client("ecr", facts["account"], keys=keys).create_repository(repositoryName="team/api")
    iam = closed.client("iam", facts["account"], keys=keys)
    attached = iam.list_attached_user_policies(UserName="administrator")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AdministratorAccess"]
    with pytest.raises(ClientError, match="AccessDenied"):
        closed.client("ecr", "222222222222", keys=keys).describe_repositories(registryId="222222222222")

    again = run("account", "create", "acme", "--data", str(closed.data))
    assert again.returncode == 3
    assert "acme" in again.stderr
    closed.stop()


def test_twelve_digits_open_nothing_where_accounts_are_closed(closed: Served) -> None:
    for key in ("111111111111", "test"):
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            closed.client("ecr", key).describe_registry()
    closed.stop()
