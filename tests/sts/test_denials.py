"""A denied AssumeRole reads the same whether or not the role exists."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.iam.answers import allowing, trusting
from tests.served import Served
from tests.sts.callers import user
from tests.sts.test_decoding import HEADER

TAGS = [{"Key": f"owner-{number}", "Value": "x" * 200} for number in range(20)]


def denied(sts: Any, role: str) -> tuple[str, str, int]:  # noqa: ANN401 — boto3's clients have no type
    with pytest.raises(ClientError) as caught:
        sts.assume_role(RoleArn=role, RoleSessionName="session")
    error = caught.value.response["Error"]
    return error["Code"], error["Message"], len(caught.value.response["ResponseMetadata"]["HTTPHeaders"][HEADER])


@pytest.mark.parametrize("path", ["/", "/hidden/"])
def test_a_denied_assumption_reads_the_same_whether_or_not_the_role_exists(
    server: Served, account: str, path: str
) -> None:
    other = "777766665555"
    callers = [
        server.client("sts", account, keys=user(server, account, "ann").keys),
        server.client("sts", account, keys=user(server, account, "bob", allowing("sts:AssumeRole", "*")).keys),
        server.client("sts", other),
    ]
    role = f"arn:aws:iam::{account}:role/build"
    before = [denied(caller, role) for caller in callers]
    server.client("iam", account).create_role(
        RoleName="build", Path=path, AssumeRolePolicyDocument=trusting("111122223333"), Tags=TAGS
    )
    assert [denied(caller, role) for caller in callers] == before
