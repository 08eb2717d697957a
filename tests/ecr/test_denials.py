"""What a denied caller of ECR is told: the same, whether or not the repository exists."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.iam.answers import keys_of
from tests.served import Served

SEALED = "x-twinport-authorization-message"
TAGS = [{"Key": f"owner-{number}", "Value": "x" * 200} for number in range(20)]
IMAGE = {"imageTag": "v1"}
DIGEST = f"sha256:{'0' * 64}"
OPERATIONS: dict[str, dict[str, Any]] = {
    "BatchCheckLayerAvailability": {"layerDigests": [DIGEST]},
    "BatchDeleteImage": {"imageIds": [IMAGE]},
    "BatchGetImage": {"imageIds": [IMAGE]},
    "DeleteLifecyclePolicy": {},
    "DeleteRepository": {"force": True},
    "DeleteRepositoryPolicy": {},
    "DescribeImageReplicationStatus": {"imageId": IMAGE},
    "DescribeImageScanFindings": {"imageId": IMAGE},
    "DescribeImages": {},
    "GetDownloadUrlForLayer": {"layerDigest": DIGEST},
    "GetLifecyclePolicy": {},
    "GetRepositoryPolicy": {},
    "InitiateLayerUpload": {},
    "ListImages": {},
    "PutImage": {"imageManifest": "{}"},
    "PutImageScanningConfiguration": {"imageScanningConfiguration": {"scanOnPush": True}},
    "PutImageTagMutability": {"imageTagMutability": "MUTABLE"},
    "PutLifecyclePolicy": {"lifecyclePolicyText": '{"rules":[]}' + " " * 100},
    "SetRepositoryPolicy": {"policyText": "{}"},
    "StartImageScan": {"imageId": IMAGE},
}


def denials(client: Any, owner: str) -> Iterator[tuple[str, str, int]]:  # noqa: ANN401 — boto3's clients have no type
    """Yield of each operation on a repository what its denial says, and how long its sealed reason is."""
    for name, members in OPERATIONS.items():
        with pytest.raises(ClientError) as caught:
            getattr(client, xform_name(name))(registryId=owner, repositoryName="team/api", **members)
        error = caught.value.response["Error"]
        assert (name, error["Code"]) == (name, "AccessDeniedException")
        yield name, error["Message"], len(caught.value.response["ResponseMetadata"]["HTTPHeaders"][SEALED])


@pytest.mark.parametrize("stranger", ["a user of the account", "the root of another account"])
def test_a_denial_is_the_same_whether_or_not_the_repository_exists(server: Served, account: str, stranger: str) -> None:
    if stranger == "a user of the account":
        client = server.client("ecr", account, keys=keys_of(server.client("iam", account), "ann"))
    else:
        client = server.client("ecr", "777766665555")
    before = list(denials(client, account))
    server.client("ecr", account).create_repository(repositoryName="team/api", tags=TAGS)
    assert list(denials(client, account)) == before
