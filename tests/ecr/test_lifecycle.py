"""Lifecycle policies, their previews, and the archive, by boto3 against a real server."""

import json
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.ecr.test_boto3 import LAYER, MANIFEST_TYPE, digest
from tests.served import Served
from tests.waiting import PATIENCE_SECONDS, until

API = "team/api"
EXPIRE, ARCHIVE = {"type": "expire"}, {"type": "transition", "targetStorageClass": "archive"}


def rule(priority: int = 1, action: Any = EXPIRE, **selection: Any) -> dict[str, Any]:  # noqa: ANN401 — as JSON has it
    chosen = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2} | selection
    return {"action": action, "rulePriority": priority, "selection": chosen, "description": "of a test"}


def text_of(*rules: Any) -> str:  # noqa: ANN401 — as above
    return json.dumps({"rules": list(rules)}, indent=2)


def manifest(number: int) -> str:
    """Return an image that differs from the others by its annotation."""
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(LAYER), "size": len(LAYER)}
    whole = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []}
    return json.dumps({**whole, "annotations": {"number": str(number)}})


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    client = server.client("ecr", account)
    client.create_repository(repositoryName=API)
    upload = client.initiate_layer_upload(repositoryName=API)["uploadId"]
    where = {"repositoryName": API, "uploadId": upload}
    client.upload_layer_part(**where, partFirstByte=0, partLastByte=len(LAYER) - 1, layerPartBlob=LAYER)
    client.complete_layer_upload(**where, layerDigests=[digest(LAYER)])
    return client


def push(ecr: Any, number: int, tag: str) -> str:  # noqa: ANN401 — as above
    image = ecr.put_image(repositoryName=API, imageManifest=manifest(number), imageTag=tag)["image"]
    return str(image["imageId"]["imageDigest"])


def tags(ecr: Any, status: str = "ACTIVE") -> list[str]:  # noqa: ANN401 — as above
    listed = ecr.list_images(repositoryName=API, filter={"imageStatus": status})["imageIds"]
    return sorted(image["imageTag"] for image in listed)


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.mark.honors(
    "PutLifecyclePolicy.lifecyclePolicyText",
    "GetLifecyclePolicy.LifecyclePolicyNotFoundException",
    "DeleteLifecyclePolicy.LifecyclePolicyNotFoundException",
    "StartLifecyclePolicyPreview.LifecyclePolicyNotFoundException",
)
def test_a_policy_is_returned_compact_with_its_rules_in_the_order_of_priority(ecr: Any) -> None:  # noqa: ANN401
    given = text_of(rule(7), rule(2, tagStatus="tagged", tagPrefixList=["v"]))
    put = ecr.put_lifecycle_policy(repositoryName=API, lifecyclePolicyText=given)
    first = (
        '{"rulePriority":2,"description":"of a test","selection":{"tagStatus":"tagged","tagPrefixList":["v"],'
        '"countType":"imageCountMoreThan","countNumber":2},"action":{"type":"expire"}}'
    )
    second = first.replace('"rulePriority":2', '"rulePriority":7').replace('"tagged","tagPrefixList":["v"]', '"any"')
    assert put["lifecyclePolicyText"] == f'{{"rules":[{first},{second}]}}'
    assert "lastEvaluatedAt" not in put
    got = ecr.get_lifecycle_policy(repositoryName=API)
    assert got["lifecyclePolicyText"] == put["lifecyclePolicyText"]
    deleted = ecr.delete_lifecycle_policy(repositoryName=API)
    assert deleted["lifecyclePolicyText"] == put["lifecyclePolicyText"]
    for missing in (ecr.get_lifecycle_policy, ecr.delete_lifecycle_policy, ecr.start_lifecycle_policy_preview):
        with pytest.raises(ecr.exceptions.LifecyclePolicyNotFoundException):
            missing(repositoryName=API)


def test_a_policy_is_applied_soon_after_it_was_put(ecr: Any) -> None:  # noqa: ANN401
    for number in range(5):
        push(ecr, number, f"v{number}")
    ecr.put_lifecycle_policy(repositoryName=API, lifecyclePolicyText=text_of(rule(1)))
    until(lambda: tags(ecr) == ["v3", "v4"])
    until(lambda: ecr.get_lifecycle_policy(repositoryName=API)["lastEvaluatedAt"].year > 1970)


@pytest.mark.honors(
    "StartLifecyclePolicyPreview.lifecyclePolicyText",
    "GetLifecyclePolicyPreview.maxResults",
    "GetLifecyclePolicyPreview.nextToken",
    "GetLifecyclePolicyPreview.imageIds[].imageDigest",
    "GetLifecyclePolicyPreview.imageIds[].imageTag",
    "GetLifecyclePolicyPreview.filter.tagStatus",
)
def test_a_preview_shows_what_would_happen_and_changes_nothing(ecr: Any) -> None:  # noqa: ANN401
    digests = [push(ecr, number, f"v{number}") for number in range(5)]
    ecr.put_image(repositoryName=API, imageManifest=manifest(1), imageTag="also")
    given = text_of(
        rule(1, ARCHIVE, tagStatus="tagged", tagPatternList=["al*o"], countNumber=1),
        rule(2, tagStatus="tagged", tagPrefixList=["v"]),
    )
    started = ecr.start_lifecycle_policy_preview(repositoryName=API, lifecyclePolicyText=given)
    assert (started["lifecyclePolicyText"], started["status"]) == (given, "IN_PROGRESS")
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(
        repositoryName=API, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE_SECONDS}
    )
    pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(
        repositoryName=API, PaginationConfig={"PageSize": 1}
    )
    found = [result for page in pages for result in page["previewResults"]]
    assert [(each["imageDigest"], each["appliedRulePriority"]) for each in found] == [(digests[0], 2), (digests[2], 2)]
    assert found[0] | {"imagePushedAt": 0} == {
        "imageTags": ["v0"],
        "imageDigest": digests[0],
        "imagePushedAt": 0,
        "action": {"type": "EXPIRE"},
        "appliedRulePriority": 2,
        "storageClass": "STANDARD",
    }
    whole = ecr.get_lifecycle_policy_preview(repositoryName=API)
    assert (whole["summary"], whole["lifecyclePolicyText"]) == ({"expiringImageTotalCount": 2}, given)
    one = ecr.get_lifecycle_policy_preview(
        repositoryName=API, imageIds=[{"imageTag": "v4"}, {"imageDigest": digests[2]}]
    )
    assert [each["imageDigest"] for each in one["previewResults"]] == [digests[2]]
    none = ecr.get_lifecycle_policy_preview(repositoryName=API, filter={"tagStatus": "UNTAGGED"})
    assert none["previewResults"] == []
    assert len(tags(ecr)) == 6


@pytest.mark.honors("GetLifecyclePolicyPreview.LifecyclePolicyPreviewNotFoundException")
def test_a_preview_counts_what_would_be_archived(ecr: Any) -> None:  # noqa: ANN401
    with pytest.raises(ecr.exceptions.LifecyclePolicyPreviewNotFoundException):
        ecr.get_lifecycle_policy_preview(repositoryName=API)
    for number in range(2):
        push(ecr, number, f"v{number}")
    ecr.start_lifecycle_policy_preview(repositoryName=API, lifecyclePolicyText=text_of(rule(1, ARCHIVE, countNumber=1)))
    until(lambda: ecr.get_lifecycle_policy_preview(repositoryName=API)["status"] == "COMPLETE")
    preview = ecr.get_lifecycle_policy_preview(repositoryName=API)
    assert preview["summary"] == {
        "expiringImageTotalCount": 0,
        "transitioningImageTotalCounts": [{"targetStorageClass": "ARCHIVE", "imageTotalCount": 1}],
    }
    (result,) = preview["previewResults"]
    assert result["action"] == {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"}


@pytest.mark.honors(
    "UpdateImageStorageClass.targetStorageClass",
    "ListImages.filter.imageStatus",
    "DescribeImages.filter.imageStatus",
)
def test_an_archived_image_is_listed_on_request_and_cannot_be_pulled_until_it_is_restored(ecr: Any) -> None:  # noqa: ANN401
    name = push(ecr, 1, "v1")
    image = {"repositoryName": API, "imageId": {"imageTag": "v1"}}
    answer = ecr.update_image_storage_class(**image, targetStorageClass="ARCHIVE")
    assert (answer["imageStatus"], answer["imageId"]) == ("ARCHIVED", {"imageDigest": name, "imageTag": "v1"})
    assert (tags(ecr), tags(ecr, "ARCHIVED"), tags(ecr, "ANY")) == ([], ["v1"], ["v1"])
    assert ecr.describe_images(repositoryName=API)["imageDetails"] == []
    (archived,) = ecr.describe_images(repositoryName=API, filter={"imageStatus": "ARCHIVED"})["imageDetails"]
    assert archived["imageDigest"] == name
    (detail,) = ecr.describe_images(repositoryName=API, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert (detail["imageStatus"], detail["lastArchivedAt"] >= detail["imagePushedAt"]) == ("ARCHIVED", True)
    pulled = ecr.batch_get_image(repositoryName=API, imageIds=[{"imageTag": "v1"}])
    assert [each["failureCode"] for each in pulled["failures"]] == ["ImageNotFound"]
    restored = ecr.update_image_storage_class(**image, targetStorageClass="STANDARD")
    assert restored["imageStatus"] == "ACTIVATING"
    until(lambda: tags(ecr) == ["v1"])
    (detail,) = ecr.describe_images(repositoryName=API)["imageDetails"]
    assert (detail["imageStatus"], "lastActivatedAt" in detail) == ("ACTIVE", True)
    assert ecr.batch_get_image(repositoryName=API, imageIds=[{"imageTag": "v1"}])["failures"] == []


def test_a_push_restores_an_archived_image(ecr: Any) -> None:  # noqa: ANN401
    push(ecr, 1, "v1")
    image = {"repositoryName": API, "imageId": {"imageTag": "v1"}}
    ecr.update_image_storage_class(**image, targetStorageClass="ARCHIVE")
    push(ecr, 1, "v1")
    assert tags(ecr) == ["v1"]
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        push(ecr, 1, "v1")


def test_a_referrer_goes_with_its_subject_into_the_archive_and_back(ecr: Any) -> None:  # noqa: ANN401
    name = push(ecr, 1, "v1")
    described = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": name, "size": len(manifest(1))}
    signature = json.dumps(json.loads(manifest(2)) | {"subject": described})
    ecr.put_image(repositoryName=API, imageManifest=signature, imageTag="signature")
    for target, status in (("ARCHIVE", "ARCHIVED"), ("STANDARD", "ACTIVE")):
        ecr.update_image_storage_class(repositoryName=API, imageId={"imageTag": "v1"}, targetStorageClass=target)
        until(partial(both_are, ecr, status))


def both_are(ecr: Any, status: str) -> bool:  # noqa: ANN401 — as above
    return tags(ecr, status) == ["signature", "v1"]


def test_a_pull_of_an_archived_image_under_v2_finds_nothing(ecr: Any, server: Served) -> None:  # noqa: ANN401
    push(ecr, 1, "v1")
    ecr.update_image_storage_class(repositoryName=API, imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE")
    (given,) = ecr.get_authorization_token()["authorizationData"]
    login = b64encode(b64decode(given["authorizationToken"])).decode()
    request = urllib.request.Request(f"{server.url}/v2/{API}/manifests/v1", headers={"authorization": f"Basic {login}"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS)
    said = json.loads(error.value.read())["errors"][0]
    assert (error.value.code, said["code"], "archived" in said["message"]) == (404, "MANIFEST_UNKNOWN", True)


def test_the_last_pull_is_recorded_soon(ecr: Any) -> None:  # noqa: ANN401
    push(ecr, 1, "v1")
    (detail,) = ecr.describe_images(repositoryName=API)["imageDetails"]
    assert "lastRecordedPullTime" not in detail
    ecr.batch_get_image(repositoryName=API, imageIds=[{"imageTag": "v1"}])
    until(
        lambda: "lastRecordedPullTime" in ecr.describe_images(repositoryName=API)["imageDetails"][0],
    )


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ("[" + " " * 100 + "]", "Could not map policyString into LifecyclePolicy."),
        (json.dumps({"no": " " * 100}), 'object has missing required properties (["rules"])'),
        (text_of({**rule(1), "x": 1}), 'object instance has properties which are not allowed by the schema: (["x"])'),
        (
            text_of(rule(1, {"type": "keep"})),
            'instance value (keep) not found in enum :(possible values: ["expire","transition"])',
        ),
        (text_of(rule(1, {"type": "transition"})), "instance failed to match exactly one schema (matched 0 out of 2)"),
        (
            text_of(rule(1, EXPIRE | {"targetStorageClass": None})),
            "instance failed to match exactly one schema (matched 0 out of 2)",
        ),
        (text_of(rule(1, countUnit="days")), "instance failed to match exactly one schema (matched 0 out of 2)"),
        (
            text_of(rule(1, countNumber=0)),
            "numeric instance is lower than the required minimum (minimum: 1, found: 0)",
        ),
        (
            text_of(rule(1, tagStatus="untagged"), rule(2, tagStatus="untagged")),
            "Only one rule can select Untagged images per storage class.",
        ),
        (
            text_of(rule(1), rule(2, tagStatus="untagged")),
            "Rule for tagStatus=ANY must have the lowest priority per storage class.",
        ),
        (
            text_of(rule(1, tagStatus="tagged")),
            "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
        ),
        (
            text_of(rule(1, tagStatus="tagged", tagPatternList=[f"v{number}*" for number in range(101)])),
            "The rules must have at most 100 tag prefixes and tag patterns together.",
        ),
    ],
)
def test_a_policy_that_is_none_is_refused_in_ecrs_words(ecr: Any, given: str, constraint: str) -> None:  # noqa: ANN401
    with pytest.raises(ClientError) as error:
        ecr.put_lifecycle_policy(repositoryName=API, lifecyclePolicyText=given)
    frame = (
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure"
    )
    assert refused(error) == ("InvalidParameterException", f"{frame}: {constraint}'")
    with pytest.raises(ClientError) as error:
        ecr.start_lifecycle_policy_preview(repositoryName=API, lifecyclePolicyText=given)
    assert refused(error)[0] == "InvalidParameterException"


def test_paging_and_named_images_exclude_each_other(ecr: Any) -> None:  # noqa: ANN401
    with pytest.raises(ClientError) as error:
        ecr.get_lifecycle_policy_preview(repositoryName=API, imageIds=[{"imageTag": "v1"}], maxResults=1)
    assert refused(error)[0] == "InvalidParameterException"
