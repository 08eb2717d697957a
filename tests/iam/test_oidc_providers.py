"""Providers of OpenID Connect, by the public door."""

import uuid
from typing import Any

import pytest

from tests.iam.answers import refusal
from tests.served import Served

THUMB = "0123456789abcdef0123456789ABCDEF01234567"


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


def arn_of(account: str, url: str) -> str:
    return f"arn:aws:iam::{account}:oidc-provider/{url}"


def test_a_provider_is_shown_without_its_scheme(iam: Any, account: str) -> None:  # noqa: ANN401
    made = iam.create_open_id_connect_provider(
        Url="https://Issuer.example:8443/path/",
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=[THUMB],
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    arn = arn_of(account, "issuer.example:8443/path")
    assert made["OpenIDConnectProviderArn"] == arn
    assert made["Tags"] == [{"Key": "team", "Value": "blue"}]
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (shown["Url"], shown["ClientIDList"]) == ("issuer.example:8443/path", ["sts.amazonaws.com"])
    assert (shown["ThumbprintList"], shown["Tags"]) == ([THUMB], made["Tags"])
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]


def test_a_provider_without_tags_is_made_without_and_shown_with_an_empty_list(iam: Any) -> None:  # noqa: ANN401
    made = iam.create_open_id_connect_provider(Url="https://issuer.example")
    assert "Tags" not in made
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
    assert (shown["ClientIDList"], shown["ThumbprintList"], shown["Tags"]) == ([], [], [])


def test_an_issuer_has_one_provider_in_an_account(iam: Any, server: Served, account: str) -> None:  # noqa: ANN401
    iam.create_open_id_connect_provider(Url="https://issuer.example/")
    words = "Provider with url https://issuer.example already exists."
    answer = refusal(iam.create_open_id_connect_provider, Url="https://ISSUER.example")
    assert answer == (409, "EntityAlreadyExists", words)
    other = server.client("iam", f"{int(account) ^ 1:012}")
    assert other.create_open_id_connect_provider(Url="https://issuer.example")


@pytest.mark.parametrize(
    "url",
    ["issuer.example", "http://issuer.example", "https://", "https:///path", "https://m@issuer.example", "https://a b"],
)
def test_what_is_not_the_address_of_an_issuer_is_refused(iam: Any, url: str) -> None:  # noqa: ANN401
    words = "Invalid Open ID Connect Provider URL"
    assert refusal(iam.create_open_id_connect_provider, Url=url) == (400, "ValidationError", words)


def test_audiences_are_added_and_removed_however_often(iam: Any) -> None:  # noqa: ANN401
    made = iam.create_open_id_connect_provider(Url="https://issuer.example", ClientIDList=["one"])
    arn = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**arn, ClientID="two")
    assert iam.get_open_id_connect_provider(**arn)["ClientIDList"] == ["one", "two"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID="one")
    assert iam.get_open_id_connect_provider(**arn)["ClientIDList"] == ["two"]


def test_thumbprints_are_replaced(iam: Any) -> None:  # noqa: ANN401
    made = iam.create_open_id_connect_provider(Url="https://issuer.example", ThumbprintList=[THUMB])
    arn = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    iam.update_open_id_connect_provider_thumbprint(**arn, ThumbprintList=["a" * 40])
    assert iam.get_open_id_connect_provider(**arn)["ThumbprintList"] == ["a" * 40]
    six = refusal(iam.update_open_id_connect_provider_thumbprint, **arn, ThumbprintList=["a" * 40] * 6)
    assert six[:2] == (409, "LimitExceeded")
    odd = refusal(iam.update_open_id_connect_provider_thumbprint, **arn, ThumbprintList=["x" * 40])
    assert odd[:2] == (400, "InvalidInput")


def test_an_account_has_a_hundred_providers_and_a_provider_a_hundred_audiences(iam: Any) -> None:  # noqa: ANN401
    many = [f"client-{n}" for n in range(101)]
    refused = refusal(iam.create_open_id_connect_provider, Url="https://issuer.example", ClientIDList=many)
    assert refused == (409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
    made = iam.create_open_id_connect_provider(Url="https://issuer.example", ClientIDList=many[:100])
    arn = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    assert refusal(iam.add_client_id_to_open_id_connect_provider, **arn, ClientID="more")[1] == "LimitExceeded"
    for n in range(99):
        iam.create_open_id_connect_provider(Url=f"https://issuer.example/{n}")
    refused = refusal(iam.create_open_id_connect_provider, Url="https://issuer.example/more")
    assert refused == (409, "LimitExceeded", "Cannot exceed quota for OpenIDConnectProvidersPerAccount: 100")


def test_tags_are_added_listed_and_removed(iam: Any) -> None:  # noqa: ANN401
    made = iam.create_open_id_connect_provider(Url="https://issuer.example")
    arn = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    tags = [{"Key": "floor", "Value": "2"}, {"Key": "team", "Value": "blue"}]
    iam.tag_open_id_connect_provider(**arn, Tags=tags)
    first = iam.list_open_id_connect_provider_tags(**arn, MaxItems=1)
    assert (first["Tags"], first["IsTruncated"]) == (tags[:1], True)
    rest = iam.list_open_id_connect_provider_tags(**arn, Marker=first["Marker"])
    assert (rest["Tags"], rest["IsTruncated"]) == (tags[1:], False)
    iam.untag_open_id_connect_provider(**arn, TagKeys=["floor", "nothing"])
    assert iam.list_open_id_connect_provider_tags(**arn)["Tags"] == tags[1:]


def test_a_provider_that_is_gone_or_was_never_is_not_found(iam: Any, account: str) -> None:  # noqa: ANN401
    made = iam.create_open_id_connect_provider(Url="https://issuer.example", Tags=[{"Key": "a", "Value": "b"}])
    arn = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    iam.delete_open_id_connect_provider(**arn)
    words = f"OpenIDConnect Provider not found for arn {arn_of(account, 'issuer.example')}"
    calls: list[tuple[Any, dict[str, object]]] = [
        (iam.get_open_id_connect_provider, {}),
        (iam.delete_open_id_connect_provider, {}),
        (iam.add_client_id_to_open_id_connect_provider, {"ClientID": "a"}),
        (iam.remove_client_id_from_open_id_connect_provider, {"ClientID": "a"}),
        (iam.update_open_id_connect_provider_thumbprint, {"ThumbprintList": []}),
        (iam.tag_open_id_connect_provider, {"Tags": []}),
        (iam.untag_open_id_connect_provider, {"TagKeys": []}),
        (iam.list_open_id_connect_provider_tags, {}),
    ]
    for call, members in calls:
        assert refusal(call, **arn, **members) == (404, "NoSuchEntity", words)
    # Tags do not wait for the next one of the same name.
    iam.create_open_id_connect_provider(Url="https://issuer.example")
    assert iam.list_open_id_connect_provider_tags(**arn)["Tags"] == []


def test_a_provider_of_another_account_is_refused(iam: Any) -> None:  # noqa: ANN401
    for arn in (arn_of("111122223333", "issuer.example"), f"arn:aws:iam::{uuid.uuid4()}"):
        answer = refusal(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)
        assert answer == (400, "ValidationError", f"Invalid ARN: {arn}")
