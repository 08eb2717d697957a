"""Repositories on the wire."""

import json

import pytest

from tests.ecr.conftest import Ecr
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT, OTHER_REGION, REGION

ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/api"
POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
MISSING = f"The repository with name 'team/api' does not exist in the registry with id '{ACCOUNT}'"


async def test_a_repository_is_shown_with_every_member_that_ecr_shows(ecr: Ecr) -> None:
    made = await ecr.do("CreateRepository", repositoryName="team/api")
    assert made == {
        "repository": {
            "repositoryArn": ARN,
            "registryId": ACCOUNT,
            "repositoryName": "team/api",
            "repositoryUri": f"127.0.0.1:4566/{ACCOUNT}/{REGION}/team/api",
            "createdAt": NOW.timestamp(),
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": False},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        }
    }
    assert await ecr.do("DescribeRepositories") == {"repositories": [made["repository"]]}
    assert await ecr.do("DeleteRepository", repositoryName="team/api") == made
    assert await ecr.do("DescribeRepositories") == {"repositories": []}


async def test_who_comes_by_an_ecr_shaped_host_is_given_one(ecr: Ecr) -> None:
    made = await ecr.do("CreateRepository", repositoryName="team/api", host=f"api.ecr.{REGION}.localhost:4566")
    assert made["repository"]["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.{REGION}.localhost:4566/team/api"


async def test_another_accounts_registry_is_reached_by_its_id(ecr: Ecr) -> None:
    made = await ecr.do("CreateRepository", repositoryName="team/api", registryId=OTHER_ACCOUNT)
    assert made["repository"]["registryId"] == OTHER_ACCOUNT
    assert await ecr.do("DescribeRepositories") == {"repositories": []}


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        (
            {"repositoryName": "Team"},
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression ",
        ),
        (
            {"repositoryName": "a"},
            "InvalidParameterException",
            (
                "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
                "'must have length greater than or equal to 2'"
            ),
        ),
        ({"repositoryName": "../x"}, "InvalidParameterException", "Invalid parameter at 'repositoryName'"),
        (
            {"repositoryName": f"{OTHER_ACCOUNT}/{REGION}/x"},
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName'",
        ),
        (
            {"imageTagMutability": "SOMETIMES"},
            "InvalidParameterException",
            "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value ",
        ),
        (
            {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
            "InvalidParameterException",
            (
                "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "
                "'ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as "
                "IMMUTABLE_WITH_EXCLUSION'"
            ),
        ),
        pytest.param(
            {"encryptionConfiguration": {"encryptionType": "KMS"}},
            "KmsException",
            "encryptionType 'KMS' is refused here",
            marks=pytest.mark.honors("CreateRepository.KmsException"),
        ),
        pytest.param(
            {"tags": [{"Key": "aws:x", "Value": ""}]},
            "InvalidTagParameterException",
            "tag key 'aws:x'",
            marks=pytest.mark.honors("CreateRepository.InvalidTagParameterException"),
        ),
        pytest.param(
            {"tags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]},
            "TooManyTagsException",
            "the resource would have 51 tags",
            marks=pytest.mark.honors("CreateRepository.TooManyTagsException"),
        ),
        ({"color": "blue"}, "InvalidParameterException", "Invalid parameter at 'color'"),
    ],
)
async def test_a_repository_is_refused_by_name_and_none_is_made(
    ecr: Ecr, members: dict[str, object], code: str, message: str
) -> None:
    found, text = await ecr.refusal("CreateRepository", **{"repositoryName": "team/api", **members})
    assert (found, text[: len(message)]) == (code, message)
    assert await ecr.do("DescribeRepositories") == {"repositories": []}


@pytest.mark.honors("CreateRepository.RepositoryAlreadyExistsException")
async def test_what_is_not_there_and_what_is_there_already_are_named(ecr: Ecr) -> None:
    assert await ecr.refusal("DeleteRepository", repositoryName="team/api") == ("RepositoryNotFoundException", MISSING)
    await ecr.do("CreateRepository", repositoryName="team/api")
    assert await ecr.refusal("CreateRepository", repositoryName="team/api") == (
        "RepositoryAlreadyExistsException",
        f"The repository with name 'team/api' already exists in the registry with id '{ACCOUNT}'",
    )


async def test_pages_of_repositories_end_without_a_token(ecr: Ecr) -> None:
    for name in ("aa", "bb", "cc"):
        await ecr.do("CreateRepository", repositoryName=name)
    first = await ecr.do("DescribeRepositories", maxResults=2)
    second = await ecr.do("DescribeRepositories", maxResults=2, nextToken=first["nextToken"])
    assert [each["repositoryName"] for each in first["repositories"] + second["repositories"]] == ["aa", "bb", "cc"]
    assert "nextToken" not in second


async def test_paging_and_naming_exclude_one_another(ecr: Ecr) -> None:
    code, message = await ecr.refusal("DescribeRepositories", repositoryNames=["aa"], maxResults=2)
    assert code == "InvalidParameterException"
    assert "'maxResults'" in message


@pytest.mark.honors(
    "PutImageTagMutability.imageTagMutabilityExclusionFilters[].filterType",
    "PutImageTagMutability.imageTagMutabilityExclusionFilters[].filter",
)
async def test_mutability_is_answered_with_its_exclusions(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", repositoryName="team/api")
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    rule = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    answer = await ecr.do("PutImageTagMutability", repositoryName="team/api", **rule)
    assert answer == {"registryId": ACCOUNT, "repositoryName": "team/api", **rule}
    (shown,) = (await ecr.do("DescribeRepositories", repositoryNames=["team/api"]))["repositories"]
    assert shown["imageTagMutabilityExclusionFilters"] == filters


@pytest.mark.honors(
    "CreateRepository.tags[].Key",
    "CreateRepository.tags[].Value",
    "TagResource.tags[].Key",
    "TagResource.tags[].Value",
    "UntagResource.tagKeys",
)
async def test_tags_are_put_listed_and_removed_by_arn(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", repositoryName="team/api", tags=[{"Key": "a", "Value": "1"}])
    assert await ecr.do("TagResource", resourceArn=ARN, tags=[{"Key": "b", "Value": "2"}]) == {}
    assert await ecr.do("UntagResource", resourceArn=ARN, tagKeys=["a"]) == {}
    assert await ecr.do("ListTagsForResource", resourceArn=ARN) == {"tags": [{"Key": "b", "Value": "2"}]}


@pytest.mark.honors("TagResource.InvalidTagParameterException", "TagResource.TooManyTagsException")
async def test_tags_that_cannot_be_are_refused_and_change_nothing(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", repositoryName="team/api", tags=[{"Key": "a", "Value": "1"}])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    for tags, wrong in (([{"Key": "aws:x", "Value": ""}], "InvalidTagParameter"), (many, "TooManyTags")):
        code, _ = await ecr.refusal("TagResource", resourceArn=ARN, tags=tags)
        assert code == f"{wrong}Exception"
    assert await ecr.do("ListTagsForResource", resourceArn=ARN) == {"tags": [{"Key": "a", "Value": "1"}]}


@pytest.mark.honors(
    "CreateRepository.imageTagMutability",
    "CreateRepository.imageTagMutabilityExclusionFilters[].filterType",
    "CreateRepository.imageTagMutabilityExclusionFilters[].filter",
)
async def test_a_repository_is_made_with_its_mutability_and_exclusions(ecr: Ecr) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    rule = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    made = (await ecr.do("CreateRepository", repositoryName="team/api", **rule))["repository"]
    assert {name: made[name] for name in rule} == rule


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "team/api",
        ARN.replace("repository/", ""),
        ARN.replace(REGION, OTHER_REGION),
        ARN.replace("arn:aws:", "arn:aws-cn:"),
        ARN.replace(ACCOUNT, "1"),
        ARN.replace(":ecr:", ":s3:"),
        f"{ARN}/",
        f"{ARN}:x",
        f"{ARN}\n",
    ],
)
async def test_what_is_no_arn_of_a_repository_here_is_refused(ecr: Ecr, arn: str) -> None:
    assert await ecr.refusal("ListTagsForResource", resourceArn=arn) == (
        "InvalidParameterException",
        "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'",
    )


async def test_an_arn_may_be_of_another_account(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", repositoryName="team/api", registryId=OTHER_ACCOUNT)
    assert await ecr.do("ListTagsForResource", resourceArn=ARN.replace(ACCOUNT, OTHER_ACCOUNT)) == {"tags": []}
    code, _ = await ecr.refusal("ListTagsForResource", resourceArn=ARN)
    assert code == "RepositoryNotFoundException"


@pytest.mark.honors(
    "GetRepositoryPolicy.RepositoryPolicyNotFoundException",
    "DeleteRepositoryPolicy.RepositoryPolicyNotFoundException",
)
async def test_a_repositorys_policy_is_answered_as_ecr_lays_it_out(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", repositoryName="team/api")
    assert await ecr.refusal("GetRepositoryPolicy", repositoryName="team/api") == (
        "RepositoryPolicyNotFoundException",
        f"Repository policy does not exist for the repository with name 'team/api' in the registry with id '{ACCOUNT}'",
    )
    put = await ecr.do("SetRepositoryPolicy", repositoryName="team/api", policyText=POLICY)
    assert put["policyText"].startswith('{\n  "Statement" : [ {\n    "Effect" : "Allow",')
    assert await ecr.do("GetRepositoryPolicy", repositoryName="team/api") == put
    assert await ecr.do("DeleteRepositoryPolicy", repositoryName="team/api") == put
    code, _ = await ecr.refusal("DeleteRepositoryPolicy", repositoryName="team/api")
    assert code == "RepositoryPolicyNotFoundException"
    assert await ecr.refusal("SetRepositoryPolicy", repositoryName="team/api", policyText="{") == (
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    )
