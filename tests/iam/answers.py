"""What the suites of IAM share: asking for errors, and documents."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def refusal(call: Callable[..., Any], **arguments: object) -> tuple[int, str, str]:
    """Return status, code and message of the refusal that a call must meet."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    response = raised.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def trusting(account: str) -> str:
    """A trust document that delegates to an account."""
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allowing(action: str, resource: str, **members: object) -> str:
    """A policy of one statement that allows."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def keys_of(iam: Any, name: str, *documents: str) -> tuple[str, str, None]:  # noqa: ANN401 — boto3's clients have no type
    """Make a user who holds these inline policies, and return its credentials."""
    iam.create_user(UserName=name)
    for number, document in enumerate(documents):
        iam.put_user_policy(UserName=name, PolicyName=f"inline-{number}", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"], None
