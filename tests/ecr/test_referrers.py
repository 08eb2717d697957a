"""Referrers, accepted media types, filters and deletions by boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.ecr.pushing import OCI_INDEX, OCI_MANIFEST, digest_of, index, manifest, push, push_layer
from tests.served import Served, new_account

NAME = "team/api"
CONFIG = b"{}"
SUBJECT = manifest(CONFIG)
SBOM, SIGNATURE = "application/spdx+json", "application/vnd.cncf.notary.signature"


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    client = server.client("ecr", account)
    client.create_repository(repositoryName=NAME)
    push_layer(client, NAME, CONFIG)
    return client


def referring(kind: str, number: int = 0) -> str:
    subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(SUBJECT.encode()), "size": len(SUBJECT)}
    return manifest(CONFIG, artifactType=kind, subject=subject, annotations={"number": str(number)})


def listed(ecr: Any, **members: object) -> list[dict[str, Any]]:  # noqa: ANN401 — as above
    asked = {"repositoryName": NAME, "subjectId": {"imageDigest": digest_of(SUBJECT.encode())}, **members}
    found: list[dict[str, Any]] = []
    page = ecr.list_image_referrers(**asked)
    while True:
        found += page["referrers"]
        if "nextToken" not in page:
            return found
        page = ecr.list_image_referrers(**asked, nextToken=page["nextToken"])


def test_a_referrer_is_listed_with_its_type_size_and_annotations(ecr: Any) -> None:  # noqa: ANN401 — as above
    push(ecr, NAME, SUBJECT, "1")
    text = referring(SBOM, 7)
    digest = push(ecr, NAME, text)
    assert listed(ecr) == [
        {
            "digest": digest,
            "mediaType": OCI_MANIFEST,
            "artifactType": SBOM,
            "size": len(text),
            "annotations": {"number": "7"},
            "artifactStatus": "ACTIVE",
        }
    ]


@pytest.mark.honors(
    "ListImageReferrers.subjectId.imageDigest",
    "ListImageReferrers.filter.artifactTypes",
    "ListImageReferrers.filter.artifactStatus",
)
def test_referrers_are_filtered_by_type_and_status(ecr: Any) -> None:  # noqa: ANN401 — as above
    sbom, signature = push(ecr, NAME, referring(SBOM)), push(ecr, NAME, referring(SIGNATURE))
    push(ecr, NAME, referring("application/vnd.other"))

    def digests(**asked: object) -> set[str]:
        return {each["digest"] for each in listed(ecr, filter=asked)}

    assert digests(artifactTypes=[SBOM]) == {sbom}
    assert digests(artifactTypes=[SBOM, SIGNATURE]) == {sbom, signature}
    assert digests(artifactTypes=["application/vnd.none"]) == set()
    assert len(digests(artifactTypes=[])) == len(digests(artifactStatus="ANY")) == 3
    assert digests(artifactStatus="ARCHIVED") == digests(artifactStatus="ACTIVATING") == set()


def test_every_page_of_referrers_is_full_and_each_is_listed_once(ecr: Any) -> None:  # noqa: ANN401 — as above
    pushed = {push(ecr, NAME, referring(SBOM, number)) for number in range(22)}
    subject = {"imageDigest": digest_of(SUBJECT.encode())}
    first = ecr.list_image_referrers(repositoryName=NAME, subjectId=subject)
    assert len(first["referrers"]) == 20
    assert sorted(each["digest"] for each in listed(ecr)) == sorted(pushed)
    assert sorted(each["digest"] for each in listed(ecr, maxResults=5)) == sorted(pushed)
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="nextToken"):
        ecr.list_image_referrers(
            repositoryName=NAME, subjectId=subject, filter={"artifactStatus": "ANY"}, nextToken=first["nextToken"]
        )


def test_a_subject_without_referrers_has_none_and_a_repository_must_be_there(ecr: Any) -> None:  # noqa: ANN401 — as above
    assert listed(ecr) == []
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        listed(ecr, repositoryName="team/nothing")
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        listed(ecr, subjectId={"imageDigest": "no digest"})


def test_referrers_need_the_permission_to_get_images(server: Served, ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    del ecr
    stranger = server.client("ecr", new_account())
    with pytest.raises(ClientError, match="ecr:BatchGetImage"):
        listed(stranger, registryId=account)


def test_an_image_whose_media_type_is_not_accepted_is_a_failure_of_its_own(ecr: Any) -> None:  # noqa: ANN401 — as above
    push(ecr, NAME, SUBJECT, "image")
    push(ecr, NAME, index(SUBJECT), "index")
    ids = [{"imageTag": "image"}, {"imageTag": "index"}]
    answer = ecr.batch_get_image(repositoryName=NAME, imageIds=ids, acceptedMediaTypes=[OCI_INDEX])
    assert [each["imageId"]["imageTag"] for each in answer["images"]] == ["index"]
    (failure,) = answer["failures"]
    assert (failure["imageId"]["imageTag"], failure["failureCode"]) == ("image", "ImageNotFound")
    assert OCI_MANIFEST in failure["failureReason"]
    both = ecr.batch_get_image(repositoryName=NAME, imageIds=ids, acceptedMediaTypes=[OCI_INDEX, OCI_MANIFEST])
    assert (len(both["images"]), both["failures"]) == (2, [])


@pytest.mark.honors("DescribeImages.filter.tagStatus", "ListImages.filter.tagStatus")
def test_images_are_filtered_by_whether_they_have_tags(ecr: Any) -> None:  # noqa: ANN401 — as above
    tagged, untagged = push(ecr, NAME, SUBJECT, "1"), push(ecr, NAME, referring(SBOM))
    for status, wanted in (("TAGGED", {tagged}), ("UNTAGGED", {untagged}), ("ANY", {tagged, untagged})):
        asked = {"repositoryName": NAME, "filter": {"tagStatus": status}}
        assert {each["imageDigest"] for each in ecr.describe_images(**asked)["imageDetails"]} == wanted
        assert {each["imageDigest"] for each in ecr.list_images(**asked)["imageIds"]} == wanted
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="filter"):
        ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "1"}], filter={"tagStatus": "ANY"})


def test_a_child_of_an_index_is_deleted_neither_by_digest_nor_by_its_last_tag(ecr: Any) -> None:  # noqa: ANN401 — as above
    child = push(ecr, NAME, SUBJECT, "child")
    parent = push(ecr, NAME, index(SUBJECT), "index")
    for named in ({"imageDigest": child}, {"imageTag": "child"}):
        answer = ecr.batch_delete_image(repositoryName=NAME, imageIds=[named])
        assert answer["imageIds"] == []
        assert [each["failureCode"] for each in answer["failures"]] == ["ImageReferencedByManifestList"]
        assert answer["failures"][0]["failureReason"] == f"Requested image referenced by manifest list: [{parent}]"
    answer = ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "index"}, {"imageDigest": child}])
    assert (len(answer["imageIds"]), answer["failures"]) == (2, [])


def test_a_tag_is_deleted_alone_while_others_name_the_image_and_the_image_with_the_last(ecr: Any) -> None:  # noqa: ANN401 — as above
    digest = push(ecr, NAME, SUBJECT, "1")
    push(ecr, NAME, SUBJECT, "2")
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "1"}])
    (detail,) = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest, ["2"])
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "2"}])
    assert ecr.describe_images(repositoryName=NAME)["imageDetails"] == []


def test_a_repository_with_images_is_deleted_only_by_force(ecr: Any) -> None:  # noqa: ANN401 — as above
    push(ecr, NAME, SUBJECT, "1")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName=NAME)
    ecr.delete_repository(repositoryName=NAME, force=True)
    assert ecr.describe_repositories()["repositories"] == []
