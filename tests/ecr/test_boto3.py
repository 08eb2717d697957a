"""Each operation by boto3 against a real server: signed, parsed by botocore's own models, decided by real policies."""

import hashlib
import json
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.served import Served, new_account
from tests.waiting import PATIENCE_SECONDS

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
LAYER = b"a layer that boto3 sent"
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}
)


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(LAYER), "size": len(LAYER)},
        "layers": [],
    }
)


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    client = server.client("ecr", account)
    client.create_repository(repositoryName="team/api", tags=[{"Key": "team", "Value": "a"}])
    return client


def push(ecr: Any, *tags: str) -> None:  # noqa: ANN401 — as above
    upload = ecr.initiate_layer_upload(repositoryName="team/api")["uploadId"]
    where = {"repositoryName": "team/api", "uploadId": upload}
    ecr.upload_layer_part(**where, partFirstByte=0, partLastByte=len(LAYER) - 1, layerPartBlob=LAYER)
    ecr.complete_layer_upload(**where, layerDigests=[digest(LAYER)])
    for tag in tags:
        ecr.put_image(repositoryName="team/api", imageManifest=MANIFEST, imageTag=tag)


def test_repositories_are_paged_through_by_boto3s_own_paginator(server: Served, account: str) -> None:
    ecr = server.client("ecr", account)
    names = [f"r{number}" for number in range(5)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    assert [each["repositoryName"] for page in pages for each in page["repositories"]] == names


@pytest.mark.honors("PutImageTagMutability.imageTagMutability")
def test_tags_and_mutability_of_a_repository_are_changed(ecr: Any) -> None:  # noqa: ANN401 — as above
    (repository,) = ecr.describe_repositories(repositoryNames=["team/api"])["repositories"]
    arn = repository["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "stage", "Value": "test"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "stage", "Value": "test"}]
    ecr.put_image_tag_mutability(repositoryName="team/api", imageTagMutability="IMMUTABLE")
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"


@pytest.mark.honors("BatchCheckLayerAvailability.layerDigests")
def test_an_image_is_pushed_described_and_deleted(ecr: Any) -> None:  # noqa: ANN401 — as above
    push(ecr, "1", "2")
    (checked,) = ecr.batch_check_layer_availability(repositoryName="team/api", layerDigests=[digest(LAYER)])["layers"]
    assert checked["layerAvailability"] == "AVAILABLE"
    (detail,) = ecr.describe_images(repositoryName="team/api")["imageDetails"]
    assert (detail["imageTags"], detail["imageSizeInBytes"]) == (["1", "2"], len(LAYER))
    pages = ecr.get_paginator("list_images").paginate(repositoryName="team/api", PaginationConfig={"PageSize": 1})
    ids = [image for page in pages for image in page["imageIds"]]
    assert [image["imageTag"] for image in ids] == ["1", "2"]
    (image,) = ecr.batch_get_image(repositoryName="team/api", imageIds=ids[:1])["images"]
    assert image["imageManifest"] == MANIFEST
    assert len(ecr.batch_delete_image(repositoryName="team/api", imageIds=ids)["imageIds"]) == 2
    assert ecr.list_images(repositoryName="team/api")["imageIds"] == []


def test_a_layers_address_serves_the_layer_to_every_client_that_has_it(ecr: Any) -> None:  # noqa: ANN401 — as above
    push(ecr)
    address = ecr.get_download_url_for_layer(repositoryName="team/api", layerDigest=digest(LAYER))["downloadUrl"]
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
        assert answer.read() == LAYER


@pytest.mark.honors("SetRepositoryPolicy.policyText", "PutRegistryPolicy.policyText")
def test_policies_of_repository_and_registry_are_put_read_and_deleted(ecr: Any) -> None:  # noqa: ANN401 — as above
    text = ecr.set_repository_policy(repositoryName="team/api", policyText=POLICY)["policyText"]
    assert ecr.get_repository_policy(repositoryName="team/api")["policyText"] == text
    assert ecr.delete_repository_policy(repositoryName="team/api")["policyText"] == text
    of_registry = json.loads(POLICY)
    of_registry["Statement"][0]["Resource"] = "*"
    text = ecr.put_registry_policy(policyText=json.dumps(of_registry))["policyText"]
    assert ecr.get_registry_policy()["policyText"] == text
    assert ecr.delete_registry_policy()["policyText"] == text


@pytest.mark.honors("SetRepositoryPolicy.force")
def test_a_policy_that_locks_its_author_out_needs_force(ecr: Any) -> None:  # noqa: ANN401 — as above
    denying = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}]})
    with pytest.raises(
        ecr.exceptions.InvalidParameterException, match="prevent its author from setting another policy"
    ):
        ecr.set_repository_policy(repositoryName="team/api", policyText=denying)
    ecr.set_repository_policy(repositoryName="team/api", policyText=denying, force=True)
    with pytest.raises(ClientError, match="explicit deny"):
        ecr.describe_images(repositoryName="team/api")


def test_rules_make_the_role_and_an_image_gets_a_status(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    del server
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
    rules = {"rules": [{"destinations": [{"region": "us-east-1", "registryId": account}]}]}
    assert ecr.put_replication_configuration(replicationConfiguration=rules)["replicationConfiguration"] == rules
    push(ecr, "1")
    image = {"imageTag": "1"}
    answer = ecr.describe_image_replication_status(repositoryName="team/api", imageId=image)
    (status,) = answer["replicationStatuses"]
    assert (status["region"], status["registryId"]) == ("us-east-1", account)
    assert status["status"] in {"IN_PROGRESS", "COMPLETE"}


@pytest.mark.honors("DescribeRepositories.AccessDeniedException")
def test_another_accounts_repository_is_denied_whether_or_not_it_is_there(server: Served, ecr: Any) -> None:  # noqa: ANN401 — as above
    (repository,) = ecr.describe_repositories()["repositories"]
    stranger = server.client("ecr", new_account())
    for name in ("team/api", "team/nothing"):
        with pytest.raises(ClientError) as refusal:
            stranger.describe_repositories(registryId=repository["registryId"], repositoryNames=[name])
        assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"
        assert "no resource-based policy allows the ecr:DescribeRepositories action" in str(refusal.value)


def test_what_is_not_built_is_refused_once_and_not_tried_again(ecr: Any) -> None:  # noqa: ANN401 — as above
    with pytest.raises(ClientError) as refusal:
        ecr.describe_pull_through_cache_rules()
    error = refusal.value.response
    assert error["Error"] == {
        "Code": "UnsupportedOperationException",
        "Message": "not implemented by twinport: DescribePullThroughCacheRules",
    }
    assert error["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_token_logs_in_at_the_address_it_names(ecr: Any) -> None:  # noqa: ANN401 — as above
    (data,) = ecr.get_authorization_token()["authorizationData"]
    request = urllib.request.Request(
        f"{data['proxyEndpoint']}/v2/", headers={"authorization": f"Basic {data['authorizationToken']}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200
