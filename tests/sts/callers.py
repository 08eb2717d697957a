"""What the suites of STS share: users with keys, credentials as boto3 takes them, documents."""

import json
from dataclasses import dataclass
from typing import Any

from tests.served import Served

Keys = tuple[str, str, str | None]


@dataclass(frozen=True)
class Person:
    """A user with an access key."""

    name: str
    arn: str
    unique_id: str
    keys: Keys


def user(server: Served, account: str, name: str, policy: str | None = None, **members: Any) -> Person:  # noqa: ANN401
    """Make a user with an access key and, if one is given, a policy."""
    iam = server.client("iam", account)
    made = iam.create_user(UserName=name, **members)["User"]
    if policy is not None:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Person(name, made["Arn"], made["UserId"], (key["AccessKeyId"], key["SecretAccessKey"], None))


def keys_of(answer: Any) -> Keys:  # noqa: ANN401 — boto3's answers have no type
    """Return the credentials of any answer of STS."""
    made = answer["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect: str, action: str | list[str], resource: str = "*", **members: object) -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Resource": resource, **members}
