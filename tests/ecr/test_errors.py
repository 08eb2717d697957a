"""Errors of the model that need more than one wrong request: quotas, damage, and what is under way."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.ecr.conftest import Ecr
from tests.ecr.pushing import digest_of, index, manifest, push, push_layer, put_images
from tests.fakes import ACCOUNT, NOW, OTHER_REGION, REGION, REGISTRY
from tests.served import Served, new_account, start
from tests.waiting import until
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import creation_templates
from twinport.identities.rules import roles
from twinport.model.creation_templates import AppliedFor, CreationTemplate, Encryption
from twinport.model.entities import Role

NAME = "team/api"
CONFIG = b"{}"
IMAGE = manifest(CONFIG)
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
RULES = [{"destinations": [{"region": OTHER_REGION, "registryId": ACCOUNT}]}]
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 100},
                "action": {"type": "expire"},
            }
        ]
    }
)


@pytest.fixture
def client(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    made = server.client("ecr", account)
    made.create_repository(repositoryName=NAME)
    push_layer(made, NAME, CONFIG)
    return made


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with quotas of one."""
    served = start(
        tmp_path_factory.mktemp("narrow") / "data",
        TWINPORT_REPOSITORY_QUOTA="1",
        TWINPORT_IMAGE_QUOTA="1",
    )
    yield served
    served.stop()


@pytest.mark.honors("CreateRepository.LimitExceededException", "PutImage.LimitExceededException")
def test_what_passes_a_quota_is_refused(narrow: Served) -> None:
    ecr = narrow.client("ecr", new_account())
    ecr.create_repository(repositoryName=NAME)
    with pytest.raises(ecr.exceptions.LimitExceededException, match="'1'"):
        ecr.create_repository(repositoryName="team/web")
    push_layer(ecr, NAME, CONFIG)
    push(ecr, NAME, IMAGE)
    with pytest.raises(ecr.exceptions.LimitExceededException, match="'1'"):
        push(ecr, NAME, manifest(CONFIG, annotations={"number": "2"}))


@pytest.mark.honors("PutImage.ThrottlingException")
def test_calls_beyond_a_rate_are_throttled(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_DEVIATIONS="rates")
    ecr = served.client("ecr", new_account())

    def put(_: int) -> str:
        """Return the code of the refusal: of the repository, or of the rate of ten a second."""
        with pytest.raises(ClientError) as refusal:
            ecr.put_image(repositoryName="team/none", imageManifest=IMAGE)
        return str(refusal.value.response["Error"]["Code"])

    with ThreadPoolExecutor(16) as pool:
        until(lambda: "ThrottlingException" in pool.map(put, range(50)))
    served.stop()


@pytest.mark.honors("PutImage.ReferencedImagesNotFoundException", "PutImage.imageManifestMediaType")
def test_an_index_needs_its_parts_and_a_media_type_must_be_the_manifests(client: Any) -> None:  # noqa: ANN401 — as above
    with pytest.raises(client.exceptions.ReferencedImagesNotFoundException, match=digest_of(IMAGE.encode())):
        push(client, NAME, index(IMAGE))
    docker = "application/vnd.docker.distribution.manifest.v2+json"
    with pytest.raises(client.exceptions.InvalidParameterException, match="was sent as"):
        client.put_image(repositoryName=NAME, imageManifest=IMAGE, imageManifestMediaType=docker)


@pytest.mark.honors("UpdateImageStorageClass.ImageStorageClassUpdateNotSupportedException")
def test_a_part_of_an_index_is_not_archived_before_the_index(client: Any) -> None:  # noqa: ANN401 — as above
    part = push(client, NAME, IMAGE)
    push(client, NAME, index(IMAGE), "1")
    with pytest.raises(client.exceptions.ImageStorageClassUpdateNotSupportedException, match=part):
        client.update_image_storage_class(
            repositoryName=NAME, imageId={"imageDigest": part}, targetStorageClass="ARCHIVE"
        )


@pytest.mark.honors("StartLifecyclePolicyPreview.LifecyclePolicyPreviewInProgressException")
async def test_a_preview_begins_when_the_last_one_has_ended(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", repositoryName=NAME)
    await ecr.do("StartLifecyclePolicyPreview", repositoryName=NAME, lifecyclePolicyText=LIFECYCLE)
    code, _ = await ecr.refusal("StartLifecyclePolicyPreview", repositoryName=NAME, lifecyclePolicyText=LIFECYCLE)
    assert code == "LifecyclePolicyPreviewInProgressException"


@pytest.mark.honors("GetDownloadUrlForLayer.LayerInaccessibleException")
def test_a_layer_whose_file_is_gone_has_no_address(server: Served, client: Any) -> None:  # noqa: ANN401 — as above
    content = new_account().encode()
    digest = push_layer(client, NAME, content)
    [file] = (path for path in server.data.rglob("*") if holds(path, content))
    file.unlink()

    def is_inaccessible() -> bool:
        try:
            client.get_download_url_for_layer(repositoryName=NAME, layerDigest=digest)
        except client.exceptions.LayerInaccessibleException:
            return True
        return False

    until(is_inaccessible)


def holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        pytest.param(
            "InitiateLayerUpload", {}, marks=pytest.mark.honors("InitiateLayerUpload.KmsException"), id="upload"
        ),
        pytest.param(
            "PutImage", {"imageManifest": IMAGE}, marks=pytest.mark.honors("PutImage.KmsException"), id="image"
        ),
    ],
)
async def test_a_push_creates_no_repository_with_a_key_that_the_operator_takes_no_more(
    ecr: Ecr, catalog: EmbeddedCatalog, operation: str, members: dict[str, str]
) -> None:
    template = CreationTemplate("team", (AppliedFor.CREATE_ON_PUSH,), encryption=Encryption("KMS", KEY))
    await catalog.region(REGION).write(lambda db: creation_templates.insert(db, REGISTRY, template, NOW))
    code, message = await ecr.refusal(operation, repositoryName=NAME, **members)
    assert (code, "encryption_at_rest" in message) == ("KmsException", True)


@pytest.mark.honors("StartImageScan.ImageArchivedException")
async def test_an_archived_image_is_not_scanned(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", repositoryName=NAME)
    [digest] = await put_images(ecr, NAME, "one")
    image = {"repositoryName": NAME, "imageId": {"imageDigest": digest}}
    await ecr.do("UpdateImageStorageClass", **image, targetStorageClass="ARCHIVE")
    code, message = await ecr.refusal("StartImageScan", **image)
    assert (code, digest in message) == ("ImageArchivedException", True)


@pytest.mark.parametrize(
    ("operation", "role", "members"),
    [
        pytest.param(
            "PutReplicationConfiguration",
            "AWSServiceRoleForECRReplication",
            {"replicationConfiguration": {"rules": RULES}},
            marks=pytest.mark.honors("PutReplicationConfiguration.ValidationException"),
            id="replication",
        ),
        pytest.param(
            "CreateRepositoryCreationTemplate",
            "AWSServiceRoleForECRTemplate",
            {"prefix": "team", "appliedFor": ["REPLICATION"]},
            marks=pytest.mark.honors("CreateRepositoryCreationTemplate.ValidationException"),
            id="template",
        ),
    ],
)
async def test_a_customers_role_of_the_name_stands_in_the_way(
    ecr: Ecr, catalog: EmbeddedCatalog, operation: str, role: str, members: dict[str, object]
) -> None:
    mine = Role("AROAMINE", ACCOUNT, role, "/", "{}", NOW)
    await catalog.partition.write(lambda db: roles.add(db, mine))
    code, message = await ecr.refusal(operation, **members)
    assert (code, role in message) == ("ValidationException", True)
