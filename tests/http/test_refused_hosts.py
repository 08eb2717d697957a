"""A host name that is not ours, and a service that is not ours: each client reads the refusal in its own document."""

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.served import Served
from tests.waiting import PATIENCE_SECONDS

HOST = "registry.compose.example"
SENTENCE = f"host '{HOST}' is not served here"


def client_of(service: str, server: Served, account: str, region: str = "eu-west-1") -> Any:  # noqa: ANN401 — boto3's
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=server.url,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}, read_timeout=PATIENCE_SECONDS, s3={"addressing_style": "path"}),
    )


def by_another_host(client: Any) -> Any:  # noqa: ANN401 — boto3's
    """Have a client send the name of another host, as one that reached us by that name does."""

    def rename(request: Any, **_: object) -> None:  # noqa: ANN401 — botocore's
        request.headers["Host"] = HOST

    client.meta.events.register("before-send", rename)
    return client


def error_of(call: Any) -> dict[str, Any]:  # noqa: ANN401 — a method that boto3 made
    with pytest.raises(ClientError) as refused:
        call()
    response: dict[str, Any] = refused.value.response
    return response


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ecr", "describe_repositories", "AccessDeniedException"),
        ("iam", "list_users", "AccessDenied"),
        ("sts", "get_caller_identity", "AccessDenied"),
    ],
)
def test_each_service_refuses_a_host_in_its_own_error_document(
    server: Served, account: str, service: str, operation: str, code: str
) -> None:
    client = by_another_host(client_of(service, server, account))
    response = error_of(getattr(client, operation))
    assert response["Error"]["Code"] == code
    assert SENTENCE in response["Error"]["Message"]
    assert "'allowed_hosts'" in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert response["ResponseMetadata"]["RequestId"]


def test_an_unsigned_operation_of_sts_is_refused_in_its_error_document(server: Served) -> None:
    client = by_another_host(client_of("sts", server, "test"))
    response = error_of(
        lambda: client.assume_role_with_web_identity(
            RoleArn="arn:aws:iam::111111111111:role/r", RoleSessionName="session", WebIdentityToken="not a token"
        )
    )
    assert SENTENCE in response["Error"]["Message"]


def ask(server: Served, path: str, **headers: str) -> tuple[int, str, bytes]:
    request = urllib.request.Request(server.url + path, headers={"Host": HOST, **headers})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read()


@pytest.mark.parametrize("path", ["/v2/", "/v2/team/api/manifests/1"])
def test_clients_of_registries_read_the_standards_error_document(server: Served, path: str) -> None:
    status, content_type, body = ask(server, path)
    assert (status, content_type) == (403, "application/json")
    [error] = json.loads(body)["errors"]
    assert error["code"] == "DENIED"
    assert SENTENCE in error["message"]


def test_a_person_reads_a_page(server: Served) -> None:
    status, content_type, body = ask(server, "/console/", Accept="text/html")
    assert (status, content_type) == (403, "text/html; charset=utf-8")
    assert "is not served here" in body.decode()
    assert "Address not allowed" in body.decode()


def test_what_no_aws_client_sends_is_answered_plainly(server: Served) -> None:
    status, content_type, body = ask(server, "/")
    assert (status, content_type) == (403, "application/json")
    assert SENTENCE in json.loads(body)["message"]


FOREIGN = [
    ("s3", "list_buckets", {}),
    ("s3", "list_objects_v2", {"Bucket": "team"}),
    ("organizations", "list_accounts", {}),
    ("dynamodb", "list_tables", {}),
    ("ec2", "describe_instances", {}),
    ("sns", "list_topics", {}),
    ("sqs", "list_queues", {}),
    ("lambda", "list_functions", {}),
    ("eks", "list_clusters", {}),
    ("route53", "list_hosted_zones", {}),
    ("ecr-public", "describe_registries", {}),
    ("cloudformation", "list_stacks", {}),
    ("secretsmanager", "list_secrets", {}),
]


@pytest.mark.parametrize(("service", "operation", "given"), FOREIGN, ids=str)
def test_a_client_of_another_service_shows_which_services_there_are(
    server: Served, account: str, service: str, operation: str, given: dict[str, str]
) -> None:
    client = client_of(service, server, account, "us-east-1")
    response = error_of(lambda: getattr(client, operation)(**given))
    assert response["Error"]["Code"] == "UnsupportedService"
    assert "This address serves ecr, iam and sts" in response["Error"]["Message"]
    assert "twinport does not serve" in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_large_body_is_refused_in_the_services_error_document(server: Served, account: str) -> None:
    client = client_of("iam", server, account)
    response = error_of(lambda: client.tag_user(UserName="a" * 2_000_000, Tags=[{"Key": "a", "Value": "b"}]))
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"]["Code"] == "RequestEntityTooLarge"
