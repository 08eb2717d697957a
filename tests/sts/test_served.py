"""STS by the public door, as boto3 speaks it."""

import pytest
from botocore.exceptions import ClientError

from tests.served import Served


def test_the_root_of_an_open_account_hears_who_it_is(server: Served, account: str) -> None:
    answer = server.client("sts", account).get_caller_identity()
    assert (answer["UserId"], answer["Account"], answer["Arn"]) == (account, account, f"arn:aws:iam::{account}:root")


def test_a_role_that_is_not_there_cannot_be_assumed(server: Served, account: str) -> None:
    arn = f"arn:aws:iam::{account}:role/builder"
    with pytest.raises(ClientError) as caught:
        server.client("sts", account).assume_role(RoleArn=arn, RoleSessionName="build")
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": f"User: arn:aws:iam::{account}:root is not authorized to perform: sts:AssumeRole on resource: {arn} "
        "because no role trust policy allows the sts:AssumeRole action",
    }
