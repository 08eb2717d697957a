"""Who calls: every way in that must work, and every trick that must not, by the public door."""

import base64
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from botocore.exceptions import ClientError

from tests.served import Served, new_account
from tests.waiting import PATIENCE_SECONDS
from twinport.aws import sigv4

TARGET = "AmazonEC2ContainerRegistry_V20150921."


def describe(
    server: Served,
    account: str,
    *,
    secret: str = "test",
    token: str | None = None,
    region: str = "eu-west-1",
    service: str = "ecr",
    now: datetime | None = None,
    body: bytes = b"{}",
    signed_body: bytes | None = None,
    operation: str = "DescribeRegistry",
    drop: str = "",
    extra: tuple[tuple[str, str], ...] = (),
) -> tuple[int, dict[str, Any]]:
    """Send DescribeRegistry, signed by us so that each part of the signature can be wrong."""
    headers = (
        ("host", f"127.0.0.1:{server.port}"),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", TARGET + operation),
    )
    added = sigv4.sign(
        sigv4.Message("POST", "/", "", headers),
        sigv4.Credentials(account, secret, token),
        region=region,
        service=service,
        now=now or datetime.now(UTC),
        body_hash=sha256(body if signed_body is None else signed_body).hexdigest(),
    )
    sent = {name: value for name, value in (*headers, *added.items(), *extra) if name != drop}
    return post(f"{server.url}/", body, sent)


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_a_signed_describe_registry_answers(server: Served, account: str) -> None:
    status, body = describe(server, account)
    assert (status, body) == (200, {"registryId": account, "replicationConfiguration": {"rules": []}})


def test_boto3_is_told_who_it_is(server: Served, account: str) -> None:
    identity = server.client("sts", account).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{account}:root"
    assert (identity["Account"], identity["UserId"]) == (account, account)


def test_the_short_alias_is_account_zero(server: Served) -> None:
    assert server.client("sts", "test").get_caller_identity()["Account"] == "000000000000"


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1", "ap-southeast-2"])
def test_the_signatures_region_is_the_one_that_answers(server: Served, account: str, region: str) -> None:
    repository = server.client("ecr", account, region).create_repository(repositoryName="team/api")["repository"]
    assert repository["repositoryArn"] == f"arn:aws:ecr:{region}:{account}:repository/team/api"


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["__type"]


def test_a_wrong_secret_does_not_sign(server: Served, account: str) -> None:
    assert code(describe(server, account, secret="guess")) == (400, "InvalidSignatureException")


def test_an_unknown_key_is_unknown(server: Served) -> None:
    for key in ("AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "12345", "1234567890123"):
        assert code(describe(server, key)) == (400, "UnrecognizedClientException")


def test_a_root_key_comes_without_a_session_token(server: Served, account: str) -> None:
    assert code(describe(server, account, token="made-up")) == (400, "UnrecognizedClientException")


def test_an_unsigned_request_is_asked_for_a_token(server: Served, account: str) -> None:
    assert code(describe(server, account, drop="authorization")) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("off", [timedelta(minutes=16), timedelta(minutes=-16), timedelta(days=-2), timedelta(days=2)])
def test_a_clock_that_is_off_by_a_quarter_of_an_hour_is_told_the_time(
    server: Served, account: str, off: timedelta
) -> None:
    answer = describe(server, account, now=datetime.now(UTC) + off)
    assert code(answer) == (400, "InvalidSignatureException")
    assert "15 min" in answer[1]["message"]


def test_a_clock_that_is_off_by_less_is_forgiven(server: Served, account: str) -> None:
    assert describe(server, account, now=datetime.now(UTC) - timedelta(minutes=14))[0] == 200


def test_a_body_other_than_the_signed_one_is_refused(server: Served, account: str) -> None:
    assert code(describe(server, account, body=b"{} ", signed_body=b"{}"))[1] == "InvalidSignatureException"


def test_a_signature_for_another_service_or_region_is_refused(server: Served, account: str) -> None:
    assert code(describe(server, account, service="s3"))[1] == "InvalidSignatureException"
    assert code(describe(server, account, region="mars-north-1"))[1] == "InvalidSignatureException"


def test_a_header_of_aws_that_was_added_on_the_way_is_refused(server: Served, account: str) -> None:
    assert code(describe(server, account, extra=(("x-amz-meta-x", "1"),)))[1] == "InvalidSignatureException"


def test_a_stranger_learns_nothing_of_operations_or_bodies(server: Served, account: str) -> None:
    for operation, body in (("ReplicateImage", b"{}"), ("DescribeRegistry", b"not json"), ("Nonsense", b"{}")):
        answer = describe(server, account, secret="guess", operation=operation, body=body)
        assert code(answer)[1] == "InvalidSignatureException"


def test_replicate_image_is_an_operation_that_no_client_can_call(server: Served, account: str) -> None:
    for operation in ("ReplicateImage", "Nonsense"):
        assert code(describe(server, account, operation=operation)) == (400, "UnknownOperationException")


def test_an_operation_that_is_not_built_says_so(server: Served, account: str) -> None:
    status, body = describe(server, account, operation="StartReplicationBackfill", body=b"{}")
    assert (status, body["__type"]) == (400, "UnsupportedOperationException")
    assert "StartReplicationBackfill" in body["message"]


def test_a_body_that_is_not_json_is_named_as_such(server: Served, account: str) -> None:
    for body in (b"[]", b"{", b'{"a":NaN}', b"\xff"):
        assert code(describe(server, account, body=body)) == (400, "SerializationException"), body


def test_a_member_that_is_not_known_is_refused_and_not_ignored(server: Served, account: str) -> None:
    assert code(describe(server, account, body=b'{"color":"red"}')) == (400, "InvalidParameterException")


def test_a_strangers_large_body_is_not_held_in_memory(server: Served) -> None:
    body = b'{"x":"' + b"x" * (3 << 20) + b'"}'
    headers = {"x-amz-target": TARGET + "PutImage", "content-type": "application/x-amz-json-1.1"}
    request = urllib.request.Request(f"{server.url}/", data=body, headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS)
    with refused.value as answer:
        assert answer.code == 413
    by_unknown_key = describe(server, "AKIAIOSFODNN7EXAMPLE", operation="PutImage", body=body)
    assert code(by_unknown_key) == (413, "RequestEntityTooLarge")


def test_a_body_may_be_as_large_as_its_operation_needs(server: Served, account: str) -> None:
    body = b'{"x":"' + b"x" * (3 << 20) + b'"}'
    assert code(describe(server, account, operation="PutImage", body=body)) == (400, "InvalidParameterException")
    assert code(describe(server, account, operation="DescribeRegistry", body=body)) == (413, "RequestEntityTooLarge")


def test_a_presigned_query_is_honored_and_ends(server: Served, account: str) -> None:
    url = presigned(server, account, seconds=60)
    assert account in fetch(url)[1]
    assert fetch(url.replace("GetCallerIdentity", "GetSessionToken"))[0] == 403
    assert fetch(presigned(server, account, seconds=700_000))[0] in (400, 403)


def presigned(server: Served, account: str, seconds: int) -> str:
    request = AWSRequest(method="GET", url=f"{server.url}/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(BotoCredentials(account, "test"), "sts", "us-east-1", expires=seconds).add_auth(request)
    url: str = request.url
    return url


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_session_is_narrowed_by_its_policy_and_dies_with_its_role(server: Served, account: str) -> None:
    iam = server.client("iam", account)
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=json.dumps(document))["Role"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="ci", PolicyName="all", PolicyDocument=json.dumps(everything))
    reading = {"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*"}
    answer = server.client("sts", account).assume_role(
        RoleArn=role["Arn"],
        RoleSessionName="build",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [reading]}),
    )
    keys = answer["Credentials"]
    session = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/ci/build"

    ecr = server.client("ecr", account, keys=session)
    assert ecr.describe_repositories()["repositories"] == []
    with pytest.raises(ClientError, match="AccessDeniedException"):
        ecr.create_repository(repositoryName="team/api")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        server.client("ecr", account, keys=(*session[:2], session[2][:-4] + "AAA=")).describe_repositories()
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        server.client("ecr", account, keys=(*session[:2], None)).describe_repositories()

    iam.delete_role_policy(RoleName="ci", PolicyName="all")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        ecr.describe_repositories()
    iam.delete_role(RoleName="ci")
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=json.dumps(document))
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        ecr.describe_repositories()


def test_one_login_serves_every_region_and_account_that_lets_it(server: Served, account: str) -> None:
    answer = server.client("ecr", account, "us-east-1").get_authorization_token()["authorizationData"][0]
    header = {"Authorization": f"Basic {answer['authorizationToken']}"}
    user, _, _ = base64.b64decode(answer["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    server.client("ecr", account, "eu-west-1").create_repository(repositoryName="team/api")
    own = urllib.request.Request(f"{server.url}/v2/{account}/eu-west-1/team/api/tags/list", headers=header)
    with urllib.request.urlopen(own, timeout=PATIENCE_SECONDS) as listed:
        assert json.loads(listed.read())["tags"] == []
    other = urllib.request.Request(f"{server.url}/v2/{new_account()}/eu-west-1/team/api/tags/list", headers=header)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(other, timeout=PATIENCE_SECONDS)
    with refused.value as answer_to_stranger:
        assert answer_to_stranger.code == 403


def test_a_host_that_names_its_region_refuses_a_token_of_another(server: Served, account: str) -> None:
    answer = server.client("ecr", account, "us-east-1").get_authorization_token()["authorizationData"][0]
    for region, status in (("us-east-1", 200), ("eu-west-1", 403)):
        host = f"{account}.dkr.ecr.{region}.localhost:{server.port}"
        headers = {"Authorization": f"Basic {answer['authorizationToken']}", "Host": host}
        request = urllib.request.Request(f"{server.url}/v2/", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
                found = reply.status
        except urllib.error.HTTPError as error:
            with error:
                found = error.code
        assert found == status
