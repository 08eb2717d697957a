"""A registry's policy and replication on the wire."""

import json

import pytest

from tests.ecr.conftest import Ecr
from tests.fakes import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReplicationAccessCrossAccount",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
                "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
                "Resource": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"],
            }
        ],
    }
)
ABROAD = {"region": OTHER_REGION, "registryId": ACCOUNT}
NEIGHBOR = {"region": REGION, "registryId": OTHER_ACCOUNT}
RULES = {
    "rules": [
        {
            "destinations": [NEIGHBOR, ABROAD],
            "repositoryFilters": [
                {"filter": "web/", "filterType": "PREFIX_MATCH"},
                {"filter": "api", "filterType": "PREFIX_MATCH"},
            ],
            "deleteReplication": {"enabled": False},
        },
        {"destinations": []},
    ]
}


async def test_a_virgin_registry_has_no_rules(ecr: Ecr) -> None:
    assert await ecr.do("DescribeRegistry") == {"registryId": ACCOUNT, "replicationConfiguration": {"rules": []}}


@pytest.mark.honors(
    "PutReplicationConfiguration.replicationConfiguration.rules[].destinations[].region",
    "PutReplicationConfiguration.replicationConfiguration.rules[].destinations[].registryId",
    "PutReplicationConfiguration.replicationConfiguration.rules[].repositoryFilters[].filter",
    "PutReplicationConfiguration.replicationConfiguration.rules[].repositoryFilters[].filterType",
    "PutReplicationConfiguration.replicationConfiguration.rules[].deleteReplication.enabled",
)
async def test_rules_are_echoed_and_described_member_for_member(ecr: Ecr) -> None:
    assert await ecr.do("PutReplicationConfiguration", replicationConfiguration=RULES) == {
        "replicationConfiguration": RULES
    }
    assert (await ecr.do("DescribeRegistry"))["replicationConfiguration"] == RULES
    await ecr.do("PutReplicationConfiguration", replicationConfiguration={"rules": []})
    assert (await ecr.do("DescribeRegistry"))["replicationConfiguration"] == {"rules": []}


def one_rule(**members: object) -> dict[str, object]:
    return {"rules": [{"destinations": [ABROAD], **members}]}


@pytest.mark.parametrize(
    ("configuration", "code", "words"),
    [
        ({}, "InvalidParameterException", "not be null"),
        ({"rules": [one_rule()] * 26}, "InvalidParameterException", "Member must have length less than or equal to 25"),
        (one_rule(repositoryFilters=[]), "InvalidParameterException", "Member must have length greater than or equal"),
        (
            one_rule(repositoryFilters=[{"filter": "ab", "filterType": "PREFIX_MATCH"}] * 101),
            "InvalidParameterException",
            "Member must have length less than or equal to 100",
        ),
        (
            one_rule(repositoryFilters=[{"filter": "ab", "filterType": "SUFFIX_MATCH"}]),
            "InvalidParameterException",
            "Member must satisfy enum value set: [PREFIX_MATCH]",
        ),
        (
            one_rule(repositoryFilters=[{"filter": "Prod", "filterType": "PREFIX_MATCH"}]),
            "InvalidParameterException",
            "must satisfy regular expression",
        ),
        (
            one_rule(destinations=[{"region": REGION, "registryId": ACCOUNT}]),
            "InvalidParameterException",
            (
                "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: "
                "'Replication destination cannot be the same as the source registry'"
            ),
        ),
        (one_rule(destinations=[{**ABROAD, "region": "xx-nowhere-1"}]), "InvalidParameterException", "xx-nowhere-1"),
        (one_rule(destinations=[{**ABROAD, "registryId": "12"}]), "InvalidParameterException", "registryId"),
        (
            one_rule(deleteReplication={"enabled": True}),
            "UnsupportedOperationException",
            "not implemented by twinport: deleteReplication",
        ),
        (one_rule(storageClass="COLD"), "InvalidParameterException", "storageClass"),
    ],
)
async def test_wrong_rules_are_refused_and_the_old_ones_stay(
    ecr: Ecr, configuration: dict[str, object], code: str, words: str
) -> None:
    await ecr.do("PutReplicationConfiguration", replicationConfiguration=RULES)
    found, message = await ecr.refusal("PutReplicationConfiguration", replicationConfiguration=configuration)
    assert found == code
    assert words in message
    assert (await ecr.do("DescribeRegistry"))["replicationConfiguration"] == RULES


@pytest.mark.honors(
    "DeleteRegistryPolicy.RegistryPolicyNotFoundException",
    "GetRegistryPolicy.RegistryPolicyNotFoundException",
)
async def test_a_registrys_policy_is_put_read_and_deleted(ecr: Ecr) -> None:
    assert await ecr.refusal("GetRegistryPolicy") == (
        "RegistryPolicyNotFoundException",
        f"Registry policy does not exist in the registry with id '{ACCOUNT}'",
    )
    put = await ecr.do("PutRegistryPolicy", policyText=POLICY)
    assert put["registryId"] == ACCOUNT
    assert json.loads(put["policyText"]) == json.loads(POLICY)
    assert await ecr.do("GetRegistryPolicy") == put
    assert await ecr.do("DeleteRegistryPolicy") == put
    assert (await ecr.refusal("DeleteRegistryPolicy"))[0] == "RegistryPolicyNotFoundException"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"),
        (" " * 10241, "'policyText' failed to satisfy constraint: 'must have length less than or equal to 10240'"),
    ],
)
async def test_a_policy_that_is_none_or_too_long_is_refused(ecr: Ecr, text: str, words: str) -> None:
    code, message = await ecr.refusal("PutRegistryPolicy", policyText=text)
    assert (code, message) == ("InvalidParameterException", f"Invalid parameter at {words}")


async def test_the_status_of_an_image_needs_an_image(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", repositoryName="team/api")
    asked = {"repositoryName": "team/api", "imageId": {"imageTag": "1"}}
    assert await ecr.refusal("DescribeImageReplicationStatus", **asked) == (
        "ImageNotFoundException",
        (
            "The image with imageId {imageDigest:'null', imageTag:'1'} does not exist within the repository with name "
            f"'team/api' in the registry with id '{ACCOUNT}'"
        ),
    )
    code, _ = await ecr.refusal("DescribeImageReplicationStatus", repositoryName="team/api", imageId={})
    assert code == "InvalidParameterException"
    code, _ = await ecr.refusal("DescribeImageReplicationStatus", **{**asked, "repositoryName": "team/web"})
    assert code == "RepositoryNotFoundException"


@pytest.mark.honors(
    "ReplicateImage.UnknownOperationException", "StartReplicationBackfill.UnsupportedOperationException"
)
async def test_replicate_image_is_no_operation_and_backfills_are_not_built(ecr: Ecr) -> None:
    assert (await ecr.refusal("ReplicateImage"))[0] == "UnknownOperationException"
    assert await ecr.refusal("StartReplicationBackfill", destination=ABROAD) == (
        "UnsupportedOperationException",
        "not implemented by twinport: StartReplicationBackfill",
    )
