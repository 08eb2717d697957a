"""A lock of Regions holds for IAM and for STS's endpoint without a Region, whatever Region the client signs for."""

import json
from typing import Any

import pytest

from tests.iam.answers import refusal
from tests.served import Served

IRELAND, GLOBAL = "eu-west-1", "us-east-1"


def only_in(region: str) -> str:
    rule = {"StringEquals": {"aws:RequestedRegion": region}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": rule}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def locked(server: Served, account: str, region: str) -> tuple[str, str, None]:
    """Make a user that may do everything in one Region alone."""
    iam = server.client("iam", account)
    name = f"only-{region}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="lock", PolicyDocument=only_in(region))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"], None


def at_host(client: Any, host: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    """Let a client come by a name, as one does whose resolver leads AWS's names here."""

    def name(request: Any, **_: object) -> None:  # noqa: ANN401 — as above
        request.headers["Host"] = host

    client.meta.events.register("before-sign", name)
    return client


@pytest.mark.parametrize("signed_for", [IRELAND, GLOBAL])
def test_a_lock_to_another_region_keeps_iam_closed(server: Served, account: str, signed_for: str) -> None:
    iam = server.client("iam", account, region=signed_for, keys=locked(server, account, IRELAND))
    status, code, message = refusal(iam.list_users)
    assert (status, code) == (403, "AccessDenied")
    assert message.endswith("because no identity-based policy allows the iam:ListUsers action")


@pytest.mark.parametrize("signed_for", [IRELAND, GLOBAL])
def test_a_lock_to_the_region_of_iam_leaves_iam_open(server: Served, account: str, signed_for: str) -> None:
    iam = server.client("iam", account, region=signed_for, keys=locked(server, account, GLOBAL))
    assert [each["UserName"] for each in iam.list_users()["Users"]] == [f"only-{GLOBAL}"]


def test_what_ecr_asks_of_iam_is_asked_in_the_region_of_iam(server: Served, account: str) -> None:
    ecr = server.client("ecr", account, keys=locked(server, account, IRELAND))
    rules = {"rules": [{"destinations": [{"region": GLOBAL, "registryId": account}]}]}
    _, code, message = refusal(ecr.put_replication_configuration, replicationConfiguration=rules)
    assert code == "AccessDeniedException"
    assert "iam:CreateServiceLinkedRole" in message


@pytest.mark.parametrize(
    ("host", "lock", "may"),
    [
        (None, IRELAND, True),
        (None, GLOBAL, False),
        ("sts.amazonaws.com", IRELAND, False),
        ("STS.amazonaws.com:443", GLOBAL, True),
        ("sts.amazonaws.com.", IRELAND, False),
        ("sts.amazonaws.com.:443", GLOBAL, True),
        ("sts.eu-west-1.amazonaws.com", IRELAND, True),
        ("sts.eu-west-1.amazonaws.com", GLOBAL, False),
    ],
)
def test_sts_is_where_its_endpoint_is(server: Served, account: str, host: str | None, lock: str, may: bool) -> None:  # noqa: FBT001
    sts = server.client("sts", account, keys=locked(server, account, lock))
    if host:
        at_host(sts, host)
    _, code, message = refusal(sts.decode_authorization_message, EncodedMessage="nothing")
    assert (code == "InvalidAuthorizationMessageException") is may, message


def test_the_last_use_of_a_key_with_iam_is_in_the_region_of_iam(server: Served, account: str) -> None:
    keys = locked(server, account, GLOBAL)
    server.client("iam", account, region="ap-south-1", keys=keys).list_users()
    used = server.client("iam", account).get_access_key_last_used(AccessKeyId=keys[0])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("iam", GLOBAL)
