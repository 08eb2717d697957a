"""Nothing is made or moved under the path that is kept for AWS."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, refusal, trusting
from tests.served import Served

REFUSED = (400, "InvalidInput", "paths beginning with '/aws-reserved/' are kept for AWS: use another path")
RESERVED = ["/aws-reserved/", "/aws-reserved/sso.amazonaws.com/"]
MAKING: dict[str, Callable[[Any, str], dict[str, str]]] = {
    "create_role": lambda account, path: {
        "RoleName": "one",
        "Path": path,
        "AssumeRolePolicyDocument": trusting(account),
    },
    "create_user": lambda _, path: {"UserName": "one", "Path": path},
    "create_group": lambda _, path: {"GroupName": "one", "Path": path},
    "create_policy": lambda _, path: {"PolicyName": "one", "Path": path, "PolicyDocument": ALLOW_ALL},
    "create_instance_profile": lambda _, path: {"InstanceProfileName": "one", "Path": path},
}


@pytest.mark.parametrize("path", RESERVED)
@pytest.mark.parametrize("operation", MAKING)
def test_nothing_is_made_under_the_path_of_aws(server: Served, account: str, operation: str, path: str) -> None:
    iam = server.client("iam", account)
    assert refusal(getattr(iam, operation), **MAKING[operation](account, path)) == REFUSED


@pytest.mark.parametrize("operation", MAKING)
def test_a_path_that_only_looks_like_it_is_taken(server: Served, account: str, operation: str) -> None:
    iam = server.client("iam", account)
    (made, _) = getattr(iam, operation)(**MAKING[operation](account, "/team/aws-reserved/")).values()
    assert made["Path"] == "/team/aws-reserved/"


@pytest.mark.parametrize("kind", ["user", "group"])
def test_nothing_is_moved_under_the_path_of_aws(server: Served, account: str, kind: str) -> None:
    iam = server.client("iam", account)
    name = {f"{kind.capitalize()}Name": "one"}
    getattr(iam, f"create_{kind}")(**name)
    assert refusal(getattr(iam, f"update_{kind}"), **name, NewPath="/aws-reserved/team/") == REFUSED
    assert getattr(iam, f"get_{kind}")(**name)[kind.capitalize()]["Path"] == "/"
