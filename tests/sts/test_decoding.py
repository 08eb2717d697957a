"""Why a caller was denied, carried by the caller and read by those who may."""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.iam.answers import allowing, refusal
from tests.served import Served
from tests.sts.callers import Person, document, statement, user

HEADER = "x-twinport-authorization-message"
INSECURE = {"Bool": {"aws:SecureTransport": "false"}}
DENYING = document(statement("Allow", "*"), statement("Deny", "ecr:Put*", Sid="No", Condition=INSECURE))


@pytest.fixture
def denied(server: Served, account: str) -> Person:
    return user(server, account, "alice", DENYING)


def message(server: Served, account: str, person: Person, **arguments: Any) -> str:  # noqa: ANN401 — as boto3 takes them
    with pytest.raises(ClientError) as caught:
        server.client("ecr", account, keys=person.keys).put_registry_policy(policyText="{}", **arguments)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    encoded: str = headers[HEADER]
    assert "SecureTransport" not in encoded
    return encoded


def decoded(client: Any, encoded: str) -> dict[str, Any]:  # noqa: ANN401 — boto3's clients have no type
    found: dict[str, Any] = json.loads(client.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    return found


def test_the_message_says_in_awss_form_what_denied(server: Served, account: str, denied: Person) -> None:
    told = decoded(server.client("sts", account), message(server, account, denied))
    assert (told["allowed"], told["explicitDeny"], told["failures"]) == (False, True, {"items": []})
    (matched,) = told["matchedStatements"]["items"]
    assert matched == {
        "statementId": "No",
        "effect": "DENY",
        "principals": {"items": [{"value": denied.unique_id}]},
        "principalGroups": {"items": []},
        "actions": {"items": [{"value": "ecr:Put*"}]},
        "resources": {"items": [{"value": "*"}]},
        "conditions": {"items": [{"key": "aws:SecureTransport", "values": {"items": [{"value": "false"}]}}]},
    }
    context = told["context"]
    assert context["principal"] == {"id": denied.unique_id, "arn": denied.arn}
    assert (context["action"], context["resource"]) == ("ecr:PutRegistryPolicy", "*")
    region = {"key": "aws:requestedregion", "values": {"items": [{"value": "eu-west-1"}]}}
    assert region in context["conditions"]["items"]


def test_who_was_denied_cannot_read_it_without_the_permission(server: Served, account: str) -> None:
    bob = user(server, account, "bob", allowing("ecr:DescribeRegistry", "*"))
    encoded = message(server, account, bob)
    sts = server.client("sts", account, keys=bob.keys)
    status, code, text = refusal(sts.decode_authorization_message, EncodedMessage=encoded)
    assert (status, code) == (403, "AccessDenied")
    assert "sts:DecodeAuthorizationMessage on resource: *" in text
    carol = user(server, account, "carol", allowing("sts:DecodeAuthorizationMessage", "*"))
    told = decoded(server.client("sts", account, keys=carol.keys), encoded)
    assert (told["explicitDeny"], told["matchedStatements"]) == (False, {"items": []})


@pytest.mark.parametrize("change", ["another account", "altered", "nonsense"])
def test_what_was_not_sealed_for_this_account_is_not_valid(
    server: Served, account: str, denied: Person, change: str
) -> None:
    encoded = message(server, account, denied)
    asked = {
        "another account": ("111122223333", encoded),
        "altered": (account, encoded[:-2] + ("AA" if encoded[-2:] != "AA" else "BB")),
        "nonsense": (account, "nonsense"),
    }
    who, text = asked[change]
    status, code, _ = refusal(server.client("sts", who).decode_authorization_message, EncodedMessage=text)
    assert (status, code) == (400, "InvalidAuthorizationMessageException")


def test_another_accounts_policy_is_not_told(server: Served, account: str) -> None:
    owner = "999988887777"
    ecr = server.client("ecr", owner)
    ecr.create_repository(repositoryName="secret", tags=[{"Key": "OwnersTag", "Value": "x"}])
    deny: dict[str, object] = {"Effect": "Deny", "Sid": "OwnersReason", "Principal": "*", "Action": "ecr:*"}
    ecr.set_repository_policy(repositoryName="secret", policyText=document(deny), force=True)
    alice = user(server, account, "alice", allowing("ecr:*", "*"))
    with pytest.raises(ClientError) as caught:
        server.client("ecr", account, keys=alice.keys).describe_images(registryId=owner, repositoryName="secret")
    told = decoded(server.client("sts", account), caught.value.response["ResponseMetadata"]["HTTPHeaders"][HEADER])
    assert (told["explicitDeny"], told["matchedStatements"]) == (True, {"items": []})
    assert not re.search("OwnersReason|ownerstag", json.dumps(told), re.IGNORECASE)


def test_an_accounts_own_tags_are_told(server: Served, account: str, denied: Person) -> None:
    ecr = server.client("ecr", account)
    ecr.create_repository(repositoryName="team/api", tags=[{"Key": "OwnTag", "Value": "x"}])
    with pytest.raises(ClientError) as caught:
        server.client("ecr", account, keys=denied.keys).put_image_tag_mutability(
            repositoryName="team/api", imageTagMutability="IMMUTABLE"
        )
    told = decoded(server.client("sts", account), caught.value.response["ResponseMetadata"]["HTTPHeaders"][HEADER])
    assert {"key": "aws:resourcetag/owntag", "values": {"items": [{"value": "x"}]}} in told["context"]["conditions"][
        "items"
    ]


def test_a_message_stays_short_enough_for_a_header(server: Served, account: str) -> None:
    iam = server.client("iam", account)
    alice = user(server, account, "alice", DENYING)
    tags = [{"Key": f"{number:03}" + "k" * 60, "Value": f"{number * 7919:064x}"} for number in range(50)]
    iam.tag_user(UserName="alice", Tags=tags)
    encoded = message(server, account, alice)
    assert len(encoded) <= 3000
    assert decoded(server.client("sts", account), encoded)["context"]["action"] == "ecr:PutRegistryPolicy"
