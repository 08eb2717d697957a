"""What a client sends costs a decision a bounded number of steps, and a denial says when they are spent."""

import json
from typing import Any

import pytest

from tests.iam.answers import allowing, refusal
from tests.served import Served

HOSTILE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "ecr:*",
                "Resource": "*",
                "Condition": {"StringLike": {"aws:UserAgent": "${aws:UserAgent}" * 300 + "*?b"}},
            }
        ],
    }
)


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def alice(server: Served, iam: Any, account: str) -> Any:  # noqa: ANN401 — as above
    """ECR's client of a user with a User-Agent of 1,024 characters."""
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    ecr = server.client("ecr", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    ecr.meta.events.register("before-send", lambda request, **_: request.headers.update({"User-Agent": "a" * 1_024}))
    return ecr


def attach(iam: Any, number: int, document: str) -> None:  # noqa: ANN401 — as above
    arn = iam.create_policy(PolicyName=f"policy{number}", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)


def test_policies_that_take_too_many_steps_allow_nothing_and_the_denial_says_so(
    iam: Any,  # noqa: ANN401 — boto3's clients have no type
    alice: Any,  # noqa: ANN401 — as above
) -> None:
    for number in range(3):
        attach(iam, number, HOSTILE)
    _, code, message = refusal(alice.describe_repositories)
    assert code == "AccessDeniedException"
    assert message.endswith("because the policies take more than 20000 steps to compare with the request")


def test_a_policy_that_takes_many_steps_is_decided_beside_others(iam: Any, alice: Any) -> None:  # noqa: ANN401
    attach(iam, 0, HOSTILE)
    attach(iam, 1, allowing("ecr:DescribeRepositories", "*"))
    assert alice.describe_repositories()["repositories"] == []
