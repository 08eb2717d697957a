"""Each implemented operation of ECR keeps each constraint of the model, and what it answers is what the model says.

The inputs are made from the model by `tests/ecr/bounds.py`. They are sent as bytes, since botocore refuses many itself.
"""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from http import HTTPStatus
from typing import Any

import botocore.parsers
import botocore.session
import pytest
from botocore.validate import ParamValidator

from tests import exchanges
from tests.ecr import bounds
from tests.ecr.bounds import (
    ACCOUNT,
    CONFIG,
    LIFECYCLE,
    MANIFEST,
    POLICY,
    PROFILE,
    REGION,
    REGISTRY_POLICY,
    REPOSITORY,
    ROLE,
    TAG,
)
from tests.ecr.pushing import digest_of
from tests.served import Served, new_account
from tests.signed import Signer
from tests.waiting import PATIENCE_SECONDS
from twinport.aws import json11, shapes, validate
from twinport.ecr import door

ECR = shapes.load("ecr")
MODEL = botocore.session.Session().get_service_model("ecr")
PARSER = botocore.parsers.create_parser("json")
BUILT = sorted(door.handlers(door.Verbs(*[None] * len(fields(door.Verbs)))))  # type: ignore[arg-type]
# What any operation may answer, whether or not the model declares it.
COMMON = {"InvalidParameterException", "SerializationException", "UnsupportedOperationException"}
FRAME = "Invalid parameter at '{}' failed to satisfy constraint: '{}"

IMAGE = {"imageTag": TAG}
NAMED = {"repositoryName": REPOSITORY}
PART = {**NAMED, "uploadId": bounds.UPLOAD}
ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{REPOSITORY}"
RULE = {"destinations": [{"region": "us-east-1", "registryId": ACCOUNT}]}
SIGNING = {"rules": [{"signingProfileArn": PROFILE}]}
# No scan on push, which would count for the quota of an image.
SCANNING = [{"scanFrequency": "MANUAL", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}]
# Operations in an order in which each succeeds.
LIFE: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("CreateRepository", {**NAMED, "tags": [{"Key": "a", "Value": "b"}]}),
    ("DescribeRepositories", {}),
    ("InitiateLayerUpload", NAMED),
    ("UploadLayerPart", {**PART, "partFirstByte": 0, "partLastByte": 5, "layerPartBlob": "Y29uZmln"}),
    ("CompleteLayerUpload", {**PART, "layerDigests": [digest_of(CONFIG)]}),
    ("BatchCheckLayerAvailability", {**NAMED, "layerDigests": [digest_of(CONFIG), digest_of(b"none"), "", "x"]}),
    ("GetDownloadUrlForLayer", {**NAMED, "layerDigest": digest_of(CONFIG)}),
    ("PutReplicationConfiguration", {"replicationConfiguration": {"rules": [RULE]}}),
    ("DescribeRegistry", {}),
    ("PutSigningConfiguration", {"signingConfiguration": SIGNING}),
    ("GetSigningConfiguration", {}),
    ("PutRegistryScanningConfiguration", {"rules": SCANNING}),
    ("GetRegistryScanningConfiguration", {}),
    ("PutImageScanningConfiguration", {**NAMED, "imageScanningConfiguration": {"scanOnPush": False}}),
    ("BatchGetRepositoryScanningConfiguration", {"repositoryNames": [REPOSITORY, "team/none"]}),
    ("PutImage", {**NAMED, "imageManifest": MANIFEST, "imageTag": TAG}),
    ("DescribeImages", NAMED),
    ("ListImages", NAMED),
    ("BatchGetImage", {**NAMED, "imageIds": [IMAGE, {"imageTag": "none"}, {"imageDigest": "none"}, {}]}),
    ("DescribeImageReplicationStatus", {**NAMED, "imageId": IMAGE}),
    ("DescribeImageSigningStatus", {**NAMED, "imageId": IMAGE}),
    ("StartImageScan", {**NAMED, "imageId": IMAGE}),
    ("DescribeImageScanFindings", {**NAMED, "imageId": IMAGE}),
    ("ListImageReferrers", {**NAMED, "subjectId": {"imageDigest": digest_of(MANIFEST.encode())}}),
    ("PutImageTagMutability", {**NAMED, "imageTagMutability": "IMMUTABLE"}),
    ("TagResource", {"resourceArn": ARN, "tags": [{"Key": "b", "Value": ""}]}),
    ("ListTagsForResource", {"resourceArn": ARN}),
    ("UntagResource", {"resourceArn": ARN, "tagKeys": ["a"]}),
    ("SetRepositoryPolicy", {**NAMED, "policyText": POLICY}),
    ("GetRepositoryPolicy", NAMED),
    ("DeleteRepositoryPolicy", NAMED),
    ("PutRegistryPolicy", {"policyText": REGISTRY_POLICY}),
    ("GetRegistryPolicy", {}),
    ("DeleteRegistryPolicy", {}),
    ("PutLifecyclePolicy", {**NAMED, "lifecyclePolicyText": LIFECYCLE}),
    ("GetLifecyclePolicy", NAMED),
    ("StartLifecyclePolicyPreview", NAMED),
    ("GetLifecyclePolicyPreview", NAMED),
    ("DeleteLifecyclePolicy", NAMED),
    ("CreateRepositoryCreationTemplate", {"prefix": "team", "appliedFor": ["REPLICATION"], "customRoleArn": ROLE}),
    ("UpdateRepositoryCreationTemplate", {"prefix": "team", "resourceTags": [{"Key": "a", "Value": ""}]}),
    ("DescribeRepositoryCreationTemplates", {}),
    ("DeleteRepositoryCreationTemplate", {"prefix": "team"}),
    ("PutAccountSetting", {"name": "BLOB_MOUNTING", "value": "ENABLED"}),
    ("GetAccountSetting", {"name": "BLOB_MOUNTING"}),
    ("RegisterPullTimeUpdateExclusion", {"principalArn": ROLE}),
    ("ListPullTimeUpdateExclusions", {}),
    ("DeregisterPullTimeUpdateExclusion", {"principalArn": ROLE}),
    ("DeleteSigningConfiguration", {}),
    ("GetAuthorizationToken", {}),
    ("UpdateImageStorageClass", {**NAMED, "imageId": IMAGE, "targetStorageClass": "ARCHIVE"}),
    ("BatchDeleteImage", {**NAMED, "imageIds": [IMAGE, {"imageTag": "none"}]}),
    ("DeleteRepository", {**NAMED, "force": True}),
)  # fmt: skip
_PUSHING = {"CreateRepository", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"}


@dataclass
class Client:
    """An account of a server, on one connection. It puts its own account and upload into what is sent."""

    signer: Signer
    connection: socket.socket
    upload: str = bounds.UPLOAD

    def ask(self, operation: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        body = body.replace(ACCOUNT.encode(), self.signer.account.encode()).replace(
            bounds.UPLOAD.encode(), self.upload.encode()
        )
        self.connection.sendall(self.signer.ecr_text(operation, body))
        answer = http.client.HTTPResponse(self.connection, method="POST")
        answer.begin()
        text = answer.read()
        exchanges.sent(operation, body)
        exchanges.answered(operation, json.loads(text).get("__type"))
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

    def do(self, operation: str, members: Mapping[str, object]) -> list[str]:
        """Ask for what must succeed, and return what is wrong with it."""
        status, headers, body = self.ask(operation, json.dumps(members).encode())
        if operation == "InitiateLayerUpload" and status == HTTPStatus.OK:
            self.upload = json.loads(body)["uploadId"]
        return wrong_success(operation, headers, body) if status == 200 else [f"{operation}: {status} {body[:300]!r}"]


@contextmanager
def connected(server: Served) -> Iterator[Client]:
    address = ("127.0.0.1", server.port)
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
        yield Client(Signer(f"{address[0]}:{address[1]}", new_account()), connection)


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    with connected(server) as client:
        yield client


@pytest.fixture(scope="module")
def furnished(server: Served) -> Iterator[Client]:
    """Make an account with a repository, an image and an upload that is under way. What is asked may change them."""
    with connected(server) as client:
        wrong = [
            found for operation, members in LIFE if operation in _PUSHING for found in client.do(operation, members)
        ]
        assert wrong + client.do("InitiateLayerUpload", NAMED) == []
        yield client


def wrong_success(operation: str, headers: Mapping[str, str], body: bytes) -> list[str]:
    """Return what keeps botocore, or a client that reads the whole answer, from finding in it what the model says."""
    # The model has one shape for images that are asked for, at least one, and for those that are answered: none, too.
    body = body.replace(b'"imageIds":[]', b'"imageIds":[{}]')
    shape = MODEL.operation_model(operation).output_shape
    parsed: dict[str, Any] = PARSER.parse({"status_code": 200, "headers": headers, "body": body}, shape)
    del parsed["ResponseMetadata"]
    report = ParamValidator().validate(parsed, shape)
    output = ECR.operations[operation].output or shapes.EMPTY
    problems = [f"{each.path} must {each.must}" for each in validate.problems(output, json11.parse(body, output))]
    return [f"{operation}: {each}" for each in (*problems, report.generate_report()) if each]


def wrong_refusal(operation: str, headers: Mapping[str, str], body: bytes) -> list[str]:
    """Return what a refusal has that no client expects of the operation."""
    found = json.loads(body)
    declared = COMMON | {each.code for each in ECR.operations[operation].errors}
    if found.get("__type") not in declared or not isinstance(found.get("message"), str) or not found["message"]:
        return [f"{operation}: {body[:300]!r}"]
    return [] if headers["content-type"] == json11.CONTENT_TYPE and headers["x-amzn-requestid"] else ["no frame"]


def wrong(client: Client, case: bounds.Case) -> list[str]:
    """Send a case, and return what is wrong with the answer."""
    status, headers, body = client.ask(case.operation, case.body)
    if status == 200 and not case.code:
        found = wrong_success(case.operation, headers, body)
    elif status == 400:
        found = [*wrong_words(case, body), *wrong_refusal(case.operation, headers, body)]
    else:
        found = [f"{status} {body[:300]!r}"]
    return [f"{case}: {each}" for each in found]


def wrong_words(case: bounds.Case, body: bytes) -> list[str]:
    """Return how a refusal differs from the one that the case is to get: one that keeps all constraints may get any."""
    said = json.loads(body)
    words = case.must if case.code == "SerializationException" else FRAME.format(case.path, case.must)
    is_right = not case.code or (said["__type"] == case.code and said["message"].startswith(words))
    return [] if is_right else [f"{body[:300]!r}, not {case.code} {words!r}"]


def refusing(operation: str) -> Any:  # noqa: ANN401 — pytest's own
    """Return a case that is answered both errors that any wrong input may have."""
    errors = (f"{operation}.{each}Exception" for each in ("InvalidParameter", "Serialization"))
    return pytest.param(operation, marks=pytest.mark.honors(*errors), id=operation)


def test_each_operation_that_is_built_succeeds_once() -> None:
    assert sorted({operation for operation, _ in LIFE}) == BUILT


def test_each_success_is_one_that_botocore_reads_and_the_model_describes(client: Client) -> None:
    assert [found for operation, members in LIFE for found in client.do(operation, members)] == []


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(
            each,
            marks=pytest.mark.honors(f"{each}.InvalidParameterException", f"{each}.SerializationException"),
            id=each,
        )
        for each in BUILT
    ],
)
def test_what_is_outside_a_constraint_is_refused_with_its_member(furnished: Client, operation: str) -> None:
    assert [found for case in bounds.outside(ECR.operations[operation]) for found in wrong(furnished, case)] == []


@pytest.mark.parametrize("operation", BUILT)
def test_what_each_constraint_permits_is_answered_as_the_model_says(furnished: Client, operation: str) -> None:
    assert [found for case in bounds.permitted(ECR.operations[operation]) for found in wrong(furnished, case)] == []
