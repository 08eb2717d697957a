"""Layers and images on the wire, in ECR's own way of pushing and fetching."""

import hashlib
import json
from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.ecr.conftest import Ecr
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT, REGION
from twinport.model.manifests import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

CONFIG, LAYER = b'{"architecture":"amd64"}', b"layer of an image"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
REPOSITORY = {"repositoryName": "team/api"}
WHERE = {"registryId": ACCOUNT, **REPOSITORY}
NOWHERE = f"sha256:{'0' * 64}"
LEAST_PART = 5 << 20


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(CONFIG, CONFIG_TYPE),
        "layers": [descriptor(LAYER, LAYER_TYPE)],
    }
)
IMAGE = digest(MANIFEST.encode())


@pytest.fixture
async def ecr(ecr: Ecr) -> Ecr:
    await ecr.do("CreateRepository", **REPOSITORY)
    return ecr


async def start(ecr: Ecr) -> dict[str, Any]:
    begun = await ecr.do("InitiateLayerUpload", **REPOSITORY)
    assert begun["partSize"] == 10 << 20
    return {**REPOSITORY, "uploadId": begun["uploadId"]}


def part(content: bytes, first: int = 0, last: int | None = None) -> dict[str, Any]:
    end = first + len(content) - 1 if last is None else last
    return {"partFirstByte": first, "partLastByte": end, "layerPartBlob": b64encode(content).decode()}


async def upload(ecr: Ecr, *parts: bytes) -> dict[str, Any]:
    where, first = await start(ecr), 0
    for content in parts:
        answer = await ecr.do("UploadLayerPart", **where, **part(content, first))
        first += len(content)
        assert answer["lastByteReceived"] == first - 1
    return await ecr.do("CompleteLayerUpload", **where, layerDigests=[digest(b"".join(parts))])


async def push(ecr: Ecr, **members: object) -> dict[str, Any]:
    await upload(ecr, CONFIG)
    await upload(ecr, LAYER)
    return await ecr.do("PutImage", **REPOSITORY, imageManifest=MANIFEST, **members)


# --- layers -----------------------------------------------------------------------------------------------


@pytest.mark.honors(
    "CompleteLayerUpload.uploadId",
    "CompleteLayerUpload.layerDigests",
    "UploadLayerPart.uploadId",
    "UploadLayerPart.partFirstByte",
    "UploadLayerPart.partLastByte",
    "UploadLayerPart.layerPartBlob",
)
async def test_a_layer_of_two_parts_is_available_under_its_digest(ecr: Ecr) -> None:
    content = b"a" * LEAST_PART, b"b"
    done = await upload(ecr, *content)
    name = digest(b"".join(content))
    assert done["layerDigest"] == name
    assert await ecr.do("BatchCheckLayerAvailability", **REPOSITORY, layerDigests=[name, NOWHERE, "latest", ""]) == {
        "layers": [
            {"layerDigest": name, "layerAvailability": "AVAILABLE", "layerSize": LEAST_PART + 1},
            {"layerDigest": NOWHERE, "layerAvailability": "UNAVAILABLE"},
        ],
        "failures": [
            {
                "layerDigest": "latest",
                "failureCode": "InvalidLayerDigest",
                "failureReason": "Layer digest should be sha256: or sha512: and lower-case hexadecimal digits",
            },
            {"failureCode": "MissingLayerDigest", "failureReason": "Layer digest cannot be null or empty"},
        ],
    }


@pytest.mark.honors("CompleteLayerUpload.InvalidLayerException")
async def test_a_wrong_digest_is_refused_and_the_upload_can_still_be_completed(ecr: Ecr) -> None:
    where = await start(ecr)
    await ecr.do("UploadLayerPart", **where, **part(LAYER))
    assert await ecr.refusal("CompleteLayerUpload", **where, layerDigests=[NOWHERE]) == (
        "InvalidLayerException",
        "None of the provided layer digests match the calculated layer digest",
    )
    await ecr.do("CompleteLayerUpload", **where, layerDigests=[NOWHERE, digest(LAYER)])


@pytest.mark.honors("CompleteLayerUpload.EmptyUploadException")
async def test_an_upload_without_parts_is_refused_in_ecrs_words(ecr: Ecr) -> None:
    where = await start(ecr)
    assert await ecr.refusal("CompleteLayerUpload", **where, layerDigests=[NOWHERE]) == (
        "EmptyUploadException",
        (
            f"The upload with id '{where['uploadId']}' in the repository with name 'team/api' in registry with id "
            f"'{ACCOUNT}' cannot be completed because it does not have any parts"
        ),
    )


@pytest.mark.honors("CompleteLayerUpload.LayerPartTooSmallException")
async def test_a_small_part_before_the_last_is_refused_in_ecrs_words(ecr: Ecr) -> None:
    where = await start(ecr)
    await ecr.do("UploadLayerPart", **where, **part(b"a"))
    await ecr.do("UploadLayerPart", **where, **part(b"b", 1))
    assert await ecr.refusal("CompleteLayerUpload", **where, layerDigests=[digest(b"ab")]) == (
        "LayerPartTooSmallException",
        "All layer parts except the last part should be at least 5MB",
    )


@pytest.mark.honors("CompleteLayerUpload.LayerAlreadyExistsException")
async def test_a_layer_that_is_held_already_is_refused(ecr: Ecr) -> None:
    await upload(ecr, LAYER)
    where = await start(ecr)
    await ecr.do("UploadLayerPart", **where, **part(LAYER))
    code, _ = await ecr.refusal("CompleteLayerUpload", **where, layerDigests=[digest(LAYER)])
    assert code == "LayerAlreadyExistsException"


@pytest.mark.honors("UploadLayerPart.InvalidLayerPartException")
async def test_a_part_out_of_order_is_told_where_to_go_on(ecr: Ecr) -> None:
    where = await start(ecr)
    await ecr.do("UploadLayerPart", **where, **part(b"abc"))
    status, body = await ecr.ask("UploadLayerPart", **where, **part(b"x", 7))
    assert (status, body) == (
        400,
        {
            "__type": "InvalidLayerPartException",
            "message": f"Invalid layer part upload for upload with id '{where['uploadId']}' in the repository with "
            f"name 'team/api' in the registry with id '{ACCOUNT}'",
            "lastValidByteReceived": 2,
            "uploadId": where["uploadId"],
            **WHERE,
        },
    )


@pytest.mark.parametrize("last", [0, 2, 4, 1 << 40])
async def test_a_part_whose_length_lies_is_refused(ecr: Ecr, last: int) -> None:
    where = await start(ecr)
    code, message = await ecr.refusal("UploadLayerPart", **where, **part(b"abcd", last=last))
    assert (code, "'partLastByte'" in message) == ("InvalidParameterException", True)


@pytest.mark.honors("UploadLayerPart.UploadNotFoundException")
async def test_an_upload_that_no_client_began_is_not_found(ecr: Ecr) -> None:
    unknown = str(uuid4())
    assert await ecr.refusal("UploadLayerPart", **REPOSITORY, uploadId=unknown, **part(b"a")) == (
        "UploadNotFoundException",
        (
            f"Upload with id '{unknown}' could not be found for the repository with name 'team/api' "
            f"in the registry with id '{ACCOUNT}'"
        ),
    )


@pytest.mark.honors("CompleteLayerUpload.UploadNotFoundException")
async def test_a_completion_that_is_sent_again_is_answered_again(ecr: Ecr) -> None:
    where = await start(ecr)
    await ecr.do("UploadLayerPart", **where, **part(LAYER))
    first = await ecr.do("CompleteLayerUpload", **where, layerDigests=[digest(LAYER)])
    assert await ecr.do("CompleteLayerUpload", **where, layerDigests=[digest(LAYER)]) == first
    assert (await ecr.refusal("CompleteLayerUpload", **where, layerDigests=[NOWHERE]))[0] == "UploadNotFoundException"


@pytest.mark.honors("InitiateLayerUpload.LimitExceededException", "UploadLayerPart.LimitExceededException")
async def test_an_account_with_too_many_unfinished_uploads_begins_no_more(ecr: Ecr) -> None:
    unbegun = await start(ecr)
    for _ in range(3):
        await ecr.do("UploadLayerPart", **await start(ecr), **part(b"a"))
    code, message = await ecr.refusal("InitiateLayerUpload", **REPOSITORY)
    assert (code, "unfinished uploads which is '3'" in message) == ("LimitExceededException", True)
    code, message = await ecr.refusal("UploadLayerPart", **unbegun, **part(b"a"))
    assert (code, "unfinished uploads which is '3'" in message) == ("LimitExceededException", True)


@pytest.mark.honors("GetDownloadUrlForLayer.layerDigest")
async def test_a_layers_address_leads_back_to_the_layer_for_an_hour(ecr: Ecr) -> None:
    await upload(ecr, LAYER)
    answer = await ecr.do("GetDownloadUrlForLayer", **REPOSITORY, layerDigest=digest(LAYER))
    address = urlsplit(answer["downloadUrl"])
    assert (address.netloc, answer["layerDigest"]) == ("127.0.0.1:4566", digest(LAYER))
    grant = await ecr.verbs.links.read(address.path, address.query)
    assert (grant.repository.account, grant.repository.name, str(grant.digest)) == (ACCOUNT, "team/api", digest(LAYER))
    assert (grant.expires_at - NOW).total_seconds() == 3600


@pytest.mark.honors("GetDownloadUrlForLayer.LayersNotFoundException")
async def test_a_layer_that_is_not_held_has_no_address(ecr: Ecr) -> None:
    assert await ecr.refusal("GetDownloadUrlForLayer", **REPOSITORY, layerDigest=NOWHERE) == (
        "LayersNotFoundException",
        (
            f"The layer with digest {NOWHERE} does not exist within the repository with name 'team/api' "
            f"in the registry with id '{ACCOUNT}'"
        ),
    )


# --- images -----------------------------------------------------------------------------------------------


@pytest.mark.honors("PutImage.imageManifest", "PutImage.imageTag")
async def test_an_image_is_answered_as_it_was_put(ecr: Ecr) -> None:
    image = {
        **WHERE,
        "imageId": {"imageDigest": IMAGE, "imageTag": "1"},
        "imageManifest": MANIFEST,
        "imageManifestMediaType": OCI_MANIFEST,
    }
    assert await push(ecr, imageTag="1") == {"image": image}
    assert await ecr.do("BatchGetImage", **REPOSITORY, imageIds=[{"imageTag": "1"}]) == {
        "images": [image],
        "failures": [],
    }


async def test_a_layer_has_the_media_type_that_the_first_image_gave_it(ecr: Ecr) -> None:
    await upload(ecr, LAYER)
    asked = {**REPOSITORY, "layerDigests": [digest(LAYER)]}
    (layer,) = (await ecr.do("BatchCheckLayerAvailability", **asked))["layers"]
    assert "mediaType" not in layer
    await upload(ecr, CONFIG)
    await ecr.do("PutImage", **REPOSITORY, imageManifest=MANIFEST)
    other = json.loads(MANIFEST)
    (described,) = other["layers"]
    described["mediaType"] = "application/vnd.other"
    await ecr.do("PutImage", **REPOSITORY, imageManifest=json.dumps(other))
    (layer,) = (await ecr.do("BatchCheckLayerAvailability", **asked))["layers"]
    assert layer["mediaType"] == LAYER_TYPE


@pytest.mark.honors("BatchGetImage.acceptedMediaTypes")
async def test_an_image_of_a_type_that_is_not_accepted_is_a_failure(ecr: Ecr) -> None:
    await push(ecr, imageTag="1")
    asked = {**REPOSITORY, "imageIds": [{"imageTag": "1"}]}
    assert (await ecr.do("BatchGetImage", **asked, acceptedMediaTypes=[OCI_MANIFEST, OCI_INDEX]))["failures"] == []
    (failure,) = (await ecr.do("BatchGetImage", **asked, acceptedMediaTypes=[DOCKER_MANIFEST]))["failures"]
    assert failure["failureCode"] == "ImageNotFound"
    assert OCI_MANIFEST in failure["failureReason"]


async def test_images_of_a_batch_that_cannot_be_had_say_why(ecr: Ecr) -> None:
    ids: list[dict[str, str]] = [{"imageTag": "absent"}, {}, {"imageDigest": "latest"}]
    answer = await ecr.do("BatchGetImage", **REPOSITORY, imageIds=ids)
    assert answer["images"] == []
    assert [(each["imageId"], each["failureCode"], each["failureReason"]) for each in answer["failures"]] == [
        ({"imageTag": "absent"}, "ImageNotFound", "Requested image not found"),
        ({}, "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"),
        (
            {"imageDigest": "latest"},
            "InvalidImageDigest",
            ("Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"),
        ),
    ]


async def test_an_image_is_described_with_every_member_that_ecr_shows(ecr: Ecr) -> None:
    await push(ecr, imageTag="1")
    assert await ecr.do("DescribeImages", **REPOSITORY) == {
        "imageDetails": [
            {
                **WHERE,
                "imageDigest": IMAGE,
                "imageTags": ["1"],
                "imageSizeInBytes": len(CONFIG) + len(LAYER),
                "imagePushedAt": NOW.timestamp(),
                "imageManifestMediaType": OCI_MANIFEST,
                "artifactMediaType": CONFIG_TYPE,
                "imageStatus": "ACTIVE",
            }
        ]
    }
    code, _ = await ecr.refusal("DescribeImages", **REPOSITORY, imageIds=[{"imageTag": "2"}])
    assert code == "ImageNotFoundException"


async def test_images_are_listed_and_deleted_by_tag(ecr: Ecr) -> None:
    await push(ecr, imageTag="1")
    await ecr.do("PutImage", **REPOSITORY, imageManifest=MANIFEST, imageTag="2")
    first = await ecr.do("ListImages", **REPOSITORY, maxResults=1)
    second = await ecr.do("ListImages", **REPOSITORY, maxResults=1, nextToken=first["nextToken"])
    assert [each["imageTag"] for each in first["imageIds"] + second["imageIds"]] == ["1", "2"]
    assert await ecr.do("ListImages", **REPOSITORY, filter={"tagStatus": "UNTAGGED"}) == {"imageIds": []}
    removed = await ecr.do("BatchDeleteImage", **REPOSITORY, imageIds=[{"imageTag": "1"}, {"imageTag": "9"}])
    assert removed["imageIds"] == [{"imageDigest": IMAGE, "imageTag": "1"}]
    assert [each["failureCode"] for each in removed["failures"]] == ["ImageNotFound"]


async def test_a_token_of_one_list_is_refused_at_another(ecr: Ecr) -> None:
    await push(ecr, imageTag="1")
    await ecr.do("PutImage", **REPOSITORY, imageManifest=MANIFEST, imageTag="2")
    token = (await ecr.do("ListImages", **REPOSITORY, maxResults=1))["nextToken"]
    code, message = await ecr.refusal(
        "ListImages", **REPOSITORY, maxResults=1, nextToken=token, filter={"tagStatus": "TAGGED"}
    )
    assert (code, "'nextToken'" in message) == ("InvalidParameterException", True)


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param(
            {"imageTag": "1"},
            "ImageAlreadyExistsException",
            (
                f"Image with digest '{IMAGE}' and tag '1' already exists in the repository with name 'team/api' "
                f"in registry with id '{ACCOUNT}'"
            ),
            marks=pytest.mark.honors("PutImage.ImageAlreadyExistsException"),
        ),
        pytest.param(
            {"imageTag": "2", "imageDigest": NOWHERE},
            "ImageDigestDoesNotMatchException",
            (
                f"The image with digest '{NOWHERE}' in repository 'team/api' and registry ID '{ACCOUNT}' does not "
                "match the image digest that Amazon ECR has calculated."
            ),
            marks=pytest.mark.honors("PutImage.imageDigest", "PutImage.ImageDigestDoesNotMatchException"),
        ),
        (
            {"imageTag": "2", "imageManifest": "{"},
            "InvalidParameterException",
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
        ),
        pytest.param(
            {"imageTag": "2", "imageManifest": MANIFEST.replace(digest(LAYER), NOWHERE)},
            "LayersNotFoundException",
            (
                f"Layers with digests '[{NOWHERE}]' required for pushing image into repository with name 'team/api' "
                f"in the registry with id '{ACCOUNT}' do not exist"
            ),
            marks=pytest.mark.honors("PutImage.LayersNotFoundException"),
        ),
        (
            {"imageTag": "no tag"},
            "InvalidParameterException",
            (
                "Invalid parameter at 'imageTag' failed to satisfy constraint: "
                "'must satisfy regular expression '[A-Za-z0-9_][A-Za-z0-9._-]{0,127}''"
            ),
        ),
        (
            {"imageManifest": " " * (4194304 + 1)},
            "InvalidParameterException",
            (
                "Invalid parameter at 'imageManifest' failed to satisfy constraint: "
                "'must have length less than or equal to 4194304'"
            ),
        ),
    ],
)
async def test_an_image_is_refused_in_ecrs_words(ecr: Ecr, members: dict[str, str], code: str, message: str) -> None:
    await push(ecr, imageTag="1")
    found = await ecr.refusal("PutImage", **{**REPOSITORY, "imageManifest": MANIFEST, **members})
    assert found == (code, message)


@pytest.mark.honors("PutImage.ImageTagAlreadyExistsException")
async def test_an_immutable_tag_stays_where_it_is(ecr: Ecr) -> None:
    await push(ecr, imageTag="1")
    await ecr.do("PutImageTagMutability", **REPOSITORY, imageTagMutability="IMMUTABLE")
    other = json.dumps({**json.loads(MANIFEST), "annotations": {"a": "b"}})
    assert await ecr.refusal("PutImage", **REPOSITORY, imageManifest=other, imageTag="1") == (
        "ImageTagAlreadyExistsException",
        (
            "The image tag '1' already exists in the 'team/api' repository and cannot be overwritten because the "
            "repository is immutable."
        ),
    )


@pytest.mark.honors("DeleteRepository.force", "DeleteRepository.RepositoryNotEmptyException")
async def test_an_image_keeps_its_repository_from_being_deleted(ecr: Ecr) -> None:
    await push(ecr, imageTag="1")
    assert await ecr.refusal("DeleteRepository", **REPOSITORY) == (
        "RepositoryNotEmptyException",
        (
            f"The repository with name 'team/api' in registry with id '{ACCOUNT}' cannot be deleted because it still "
            "contains images"
        ),
    )
    await ecr.do("DeleteRepository", **REPOSITORY, force=True)


async def test_an_image_without_destinations_has_an_empty_status(ecr: Ecr) -> None:
    await push(ecr, imageTag="1")
    assert await ecr.do("DescribeImageReplicationStatus", **REPOSITORY, imageId={"imageTag": "1"}) == {
        **REPOSITORY,
        "imageId": {"imageDigest": IMAGE, "imageTag": "1"},
        "replicationStatuses": [],
    }


async def test_an_image_that_is_under_way_is_in_progress(ecr: Ecr) -> None:
    rules = {"rules": [{"destinations": [{"region": REGION, "registryId": OTHER_ACCOUNT}]}]}
    await ecr.do("PutReplicationConfiguration", replicationConfiguration=rules)
    await push(ecr, imageTag="1")
    answer = await ecr.do("DescribeImageReplicationStatus", **REPOSITORY, imageId={"imageDigest": IMAGE})
    assert answer["replicationStatuses"] == [{"region": REGION, "registryId": OTHER_ACCOUNT, "status": "IN_PROGRESS"}]


# --- tokens -----------------------------------------------------------------------------------------------


async def test_a_token_lasts_twelve_hours_and_says_where_to_log_in(ecr: Ecr) -> None:
    (data,) = (await ecr.do("GetAuthorizationToken"))["authorizationData"]
    assert b64decode(data["authorizationToken"]).startswith(b"AWS:")
    assert data["expiresAt"] == NOW.timestamp() + 12 * 3600
    assert data["proxyEndpoint"] == "http://127.0.0.1:4566"


@pytest.mark.honors("GetAuthorizationToken.registryIds")
async def test_each_registry_that_is_named_gets_an_entry(ecr: Ecr) -> None:
    asked = {"registryIds": [ACCOUNT, OTHER_ACCOUNT], "host": f"api.ecr.{REGION}.localhost:4566"}
    entries = (await ecr.do("GetAuthorizationToken", **asked))["authorizationData"]
    assert [entry["proxyEndpoint"] for entry in entries] == [
        f"http://{account}.dkr.ecr.{REGION}.localhost:4566" for account in (ACCOUNT, OTHER_ACCOUNT)
    ]
