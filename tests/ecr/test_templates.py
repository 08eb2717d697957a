"""Repository creation templates by boto3 against a real server: every member, and every refusal."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.served import Served, new_account
from tests.waiting import until

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
TAGS = [{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "test"}]
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
LIFECYCLE = (
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":5},'
    '"action":{"type":"expire"}}]}'
)
FILTERS = [{"filterType": "WILDCARD", "filter": "dev-*"}]


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    return server.client("ecr", account)


def create(ecr: Any, prefix: object = "prod", **more: object) -> dict[str, Any]:  # noqa: ANN401 — as above
    members = {"prefix": prefix, "appliedFor": ["CREATE_ON_PUSH"], **more}
    made: dict[str, Any] = ecr.create_repository_creation_template(**members)["repositoryCreationTemplate"]
    return made


def described(ecr: Any, *prefixes: str) -> list[dict[str, Any]]:  # noqa: ANN401 — as above
    members = {"prefixes": list(prefixes)} if prefixes else {}
    found: list[dict[str, Any]] = ecr.describe_repository_creation_templates(**members)["repositoryCreationTemplates"]
    return found


def user(server: Served, account: str, *statements: dict[str, object]) -> Any:  # noqa: ANN401 — as above
    """Make a user with these permissions, and a client of ECR with its key."""
    iam = server.client("iam", account)
    iam.create_user(UserName="ann")
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return server.client("ecr", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))


def allow(*actions: str, resource: str = "*") -> dict[str, object]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def refused(code: str, message: str, call: Any, **members: object) -> None:  # noqa: ANN401 — as above
    with pytest.raises(ClientError, match=message) as refusal:
        call(**members)
    assert refusal.value.response["Error"]["Code"] == code


# --- what is stored and shown -------------------------------------------------------------------------------


def test_a_template_of_nothing_but_a_prefix_shows_ecrs_defaults(ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    answer = ecr.create_repository_creation_template(prefix="prod", appliedFor=["REPLICATION", "PULL_THROUGH_CACHE"])
    made = answer["repositoryCreationTemplate"]
    assert answer["registryId"] == account
    assert made.pop("createdAt") == made.pop("updatedAt")
    assert made == {
        "prefix": "prod",
        "appliedFor": ["REPLICATION", "PULL_THROUGH_CACHE"],
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "imageTagMutability": "MUTABLE",
    }


@pytest.mark.honors(
    "CreateRepositoryCreationTemplate.prefix",
    "CreateRepositoryCreationTemplate.description",
    "CreateRepositoryCreationTemplate.encryptionConfiguration.encryptionType",
    "CreateRepositoryCreationTemplate.encryptionConfiguration.kmsKey",
    "CreateRepositoryCreationTemplate.resourceTags[].Key",
    "CreateRepositoryCreationTemplate.resourceTags[].Value",
    "CreateRepositoryCreationTemplate.imageTagMutability",
    "CreateRepositoryCreationTemplate.imageTagMutabilityExclusionFilters[].filterType",
    "CreateRepositoryCreationTemplate.imageTagMutabilityExclusionFilters[].filter",
    "CreateRepositoryCreationTemplate.repositoryPolicy",
    "CreateRepositoryCreationTemplate.lifecyclePolicy",
    "CreateRepositoryCreationTemplate.appliedFor",
    "CreateRepositoryCreationTemplate.customRoleArn",
)
def test_every_member_of_a_template_is_read_back(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    iam = server.client("iam", account)
    role = iam.create_role(RoleName="maker", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    given: dict[str, object] = {
        "description": "for production",
        "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY},
        "resourceTags": TAGS,
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": FILTERS,
        "customRoleArn": role,
        "lifecyclePolicy": LIFECYCLE,
        "appliedFor": ["CREATE_ON_PUSH", "REPLICATION", "PULL_THROUGH_CACHE"],
    }
    made = create(ecr, "prod/team/", repositoryPolicy=json.dumps(POLICY), **given)
    (found,) = described(ecr)
    assert found == made
    # ECR writes one action as a plain string.
    assert json.loads(found["repositoryPolicy"])["Statement"][0]["Action"] == "ecr:BatchGetImage"
    assert {name: found[name] for name in given} == given
    assert found["prefix"] == "prod/team/"


def test_a_policy_follows_the_user_that_it_names_and_not_the_name(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    iam = server.client("iam", account)
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    named = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "ecr:PutImage"}
    create(ecr, repositoryPolicy=json.dumps({"Version": "2012-10-17", "Statement": [named]}))
    iam.update_user(UserName="ann", NewUserName="eve")
    (found,) = described(ecr)
    assert json.loads(found["repositoryPolicy"])["Statement"][0]["Principal"]["AWS"] == arn.replace("ann", "eve")


@pytest.mark.honors(
    "UpdateRepositoryCreationTemplate.prefix",
    "UpdateRepositoryCreationTemplate.description",
    "UpdateRepositoryCreationTemplate.appliedFor",
)
def test_an_update_changes_what_it_names_and_leaves_the_rest(ecr: Any) -> None:  # noqa: ANN401 — as above
    rule = {"imageTagMutability": "MUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": FILTERS}
    before = create(ecr, description="old", resourceTags=TAGS, repositoryPolicy=json.dumps(POLICY), **rule)
    changes = {"description": "new", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "appliedFor": ["REPLICATION"]}
    answer = ecr.update_repository_creation_template(prefix="prod", **changes)["repositoryCreationTemplate"]
    assert answer.pop("updatedAt") >= before.pop("updatedAt")
    assert answer == {**before, **changes}
    assert described(ecr)[0]["description"] == "new"


@pytest.mark.honors(
    "UpdateRepositoryCreationTemplate.encryptionConfiguration.encryptionType",
    "UpdateRepositoryCreationTemplate.encryptionConfiguration.kmsKey",
    "UpdateRepositoryCreationTemplate.resourceTags[].Key",
    "UpdateRepositoryCreationTemplate.resourceTags[].Value",
    "UpdateRepositoryCreationTemplate.imageTagMutability",
    "UpdateRepositoryCreationTemplate.imageTagMutabilityExclusionFilters[].filterType",
    "UpdateRepositoryCreationTemplate.imageTagMutabilityExclusionFilters[].filter",
    "UpdateRepositoryCreationTemplate.lifecyclePolicy",
    "UpdateRepositoryCreationTemplate.repositoryPolicy",
    "UpdateRepositoryCreationTemplate.customRoleArn",
)
def test_an_update_may_change_every_member(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    iam = server.client("iam", account)
    role = iam.create_role(RoleName="maker", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    create(ecr)
    changes: dict[str, object] = {
        "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY},
        "resourceTags": TAGS,
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": FILTERS,
        "lifecyclePolicy": LIFECYCLE,
        "customRoleArn": role,
    }
    ecr.update_repository_creation_template(prefix="prod", repositoryPolicy=json.dumps(POLICY), **changes)
    (found,) = described(ecr)
    assert {name: found[name] for name in changes} == changes
    assert json.loads(found["repositoryPolicy"])["Statement"][0]["Sid"] == "pull"


def test_an_update_with_empty_values_removes_them(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    iam = server.client("iam", account)
    role = iam.create_role(RoleName="maker", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    rule = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": FILTERS}
    whole = {"description": "x", "resourceTags": TAGS, "repositoryPolicy": json.dumps(POLICY), "customRoleArn": role}
    create(ecr, **whole, **rule)
    none = {"description": "", "resourceTags": [], "repositoryPolicy": "", "lifecyclePolicy": "", "customRoleArn": ""}
    changed = ecr.update_repository_creation_template(prefix="prod", imageTagMutability="IMMUTABLE", **none)
    left = changed["repositoryCreationTemplate"].keys() - {"createdAt", "updatedAt"}
    assert left == {"prefix", "appliedFor", "encryptionConfiguration", "imageTagMutability"}


@pytest.mark.honors("DeleteRepositoryCreationTemplate.prefix")
def test_a_deleted_template_is_shown_once_more_and_then_gone(ecr: Any) -> None:  # noqa: ANN401 — as above
    made = create(ecr)
    answer = ecr.delete_repository_creation_template(prefix="prod/")
    assert answer["repositoryCreationTemplate"] == made
    assert described(ecr) == []


def test_templates_belong_to_one_region_of_one_account(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    create(ecr)
    assert described(server.client("ecr", account, "us-east-1")) == []
    assert described(server.client("ecr", new_account())) == []


@pytest.mark.honors("DescribeRepositoryCreationTemplates.prefixes")
def test_templates_are_paged_through_in_the_order_of_their_prefixes(ecr: Any) -> None:  # noqa: ANN401 — as above
    for prefix in ("d", "ROOT", "b/c", "a", "b"):
        create(ecr, prefix)
    pages = ecr.get_paginator("describe_repository_creation_templates")
    every = [each for page in pages.paginate(PaginationConfig={"PageSize": 2}) for each in _templates(page)]
    assert [each["prefix"] for each in every] == ["ROOT", "a", "b", "b/c", "d"]
    some = pages.paginate(prefixes=["d", "a/", "none", "a"], PaginationConfig={"PageSize": 1})
    assert [each["prefix"] for page in some for each in _templates(page)] == ["a", "d"]


def _templates(page: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page["repositoryCreationTemplates"]
    return found


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.honors("CreateRepositoryCreationTemplate.TemplateAlreadyExistsException")
def test_the_slash_at_the_end_makes_no_other_template(ecr: Any) -> None:  # noqa: ANN401 — as above
    create(ecr, "prod")
    refused("TemplateAlreadyExistsException", "with prefix 'prod/' already exists", lambda: create(ecr, "prod/"))


@pytest.mark.honors(
    "DeleteRepositoryCreationTemplate.TemplateNotFoundException",
    "UpdateRepositoryCreationTemplate.TemplateNotFoundException",
)
def test_a_template_that_is_not_there_is_neither_changed_nor_deleted(ecr: Any) -> None:  # noqa: ANN401 — as above
    words = "The repository creation template with prefix 'prod' does not exist in the registry with id"
    refused("TemplateNotFoundException", words, ecr.update_repository_creation_template, prefix="prod")
    refused("TemplateNotFoundException", words, ecr.delete_repository_creation_template, prefix="prod")


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"prefix": "Prod"}, "InvalidParameterException", "prefix"),
        ({"prefix": "prod//x"}, "InvalidParameterException", "prefix"),
        ({"prefix": "p" * 257}, "InvalidParameterException", "prefix"),
        ({"description": "x" * 257}, "InvalidParameterException", "description"),
        ({"appliedFor": []}, "InvalidParameterException", "appliedFor"),
        ({"appliedFor": ["LUNCH"]}, "InvalidParameterException", "appliedFor"),
        ({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}, "InvalidParameterException", "can't be null"),
        ({"imageTagMutabilityExclusionFilters": FILTERS}, "InvalidParameterException", "must be null"),
        ({"resourceTags": [{"Key": "aws:x", "Value": ""}]}, "InvalidParameterException", "resourceTags.*reserved"),
        (
            {"resourceTags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]},
            "InvalidParameterException",
            "resourceTags.*51 tags",
        ),
        ({"repositoryPolicy": "{"}, "InvalidParameterException", "Invalid repository policy provided"),
        ({"customRoleArn": "maker"}, "InvalidParameterException", "customRoleArn.*Invalid ARN"),
        ({"customRoleArn": "arn:aws:iam::444455556666:role/x"}, "InvalidParameterException", "the account of the"),
        (
            {
                "encryptionConfiguration": {
                    "encryptionType": "AES256",
                    "kmsKey": KEY,
                }
            },
            "InvalidParameterException",
            "kmsKey must be null",
        ),
        ({"lifecyclePolicy": '{"rules":[{}]}'}, "InvalidParameterException", "ifecycle"),
    ],
)
def test_a_template_that_cannot_hold_is_refused_and_not_stored(
    server: Served, account: str, members: dict[str, object], code: str, message: str
) -> None:
    ecr = server.client("ecr", account)
    with pytest.raises(ClientError, match=message) as refusal:
        create(ecr, **{"prefix": "prod", **members})
    assert refusal.value.response["Error"]["Code"] == code
    assert described(ecr) == []


def test_a_principal_that_does_not_exist_is_refused_as_in_any_repository_policy(ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    named = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:user/none"}, "Action": "ecr:PutImage"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [named]})
    refused("InvalidParameterException", "Principal not found", lambda: create(ecr, repositoryPolicy=text))


# --- permissions --------------------------------------------------------------------------------------------


def test_the_first_template_makes_the_service_linked_role(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    create(ecr)
    iam = server.client("iam", account)
    role = iam.get_role(RoleName="AWSServiceRoleForECRTemplate")["Role"]
    assert role["Path"] == "/aws-service-role/ecr.amazonaws.com/"


def test_without_a_permission_for_the_role_the_first_template_is_not_stored(server: Served, account: str) -> None:
    ecr = user(server, account, allow("ecr:*"))
    refused("AccessDeniedException", "iam:CreateServiceLinkedRole", lambda: create(ecr))
    assert described(ecr) == []


@pytest.mark.parametrize(
    ("missing", "members"),
    [
        ("ecr:CreateRepositoryCreationTemplate", {}),
        ("ecr:CreateRepository", {}),
        ("ecr:SetRepositoryPolicy", {"repositoryPolicy": json.dumps(POLICY)}),
        ("ecr:PutLifecyclePolicy", {"lifecyclePolicy": '{"rules":[]}'}),
        ("iam:PassRole", {"customRoleArn": "arn:aws:iam::{account}:role/maker"}),
    ],
)
def test_a_template_needs_the_permissions_of_the_manual(
    server: Served, account: str, missing: str, members: dict[str, str]
) -> None:
    ecr = user(server, account, allow("*"), {"Effect": "Deny", "Action": missing, "Resource": "*"})
    given = {name: text.replace("{account}", account) for name, text in members.items()}
    refused("AccessDeniedException", f"perform: {missing} on", lambda: create(ecr, **given))


def test_permissions_for_the_repositories_of_one_prefix_are_enough(server: Served, account: str) -> None:
    arn = f"arn:aws:ecr:eu-west-1:{account}:repository/prod/*"
    ecr = user(
        server,
        account,
        allow("ecr:CreateRepositoryCreationTemplate", "iam:CreateServiceLinkedRole"),
        allow("ecr:CreateRepository", "ecr:SetRepositoryPolicy", resource=arn),
    )
    create(ecr, "prod", repositoryPolicy=json.dumps(POLICY))
    refused("AccessDeniedException", "ecr:CreateRepository", lambda: create(ecr, "ROOT"))


def test_a_template_is_changed_only_by_a_user_that_may_create_its_repositories(
    server: Served,
    account: str,
    ecr: Any,  # noqa: ANN401 — as above
) -> None:
    create(ecr, "boss")
    arn = f"arn:aws:ecr:eu-west-1:{account}:repository/boss/*"
    denied: dict[str, object] = {"Effect": "Deny", "Action": "ecr:CreateRepository", "Resource": arn}
    update = user(server, account, allow("ecr:*"), denied).update_repository_creation_template
    refused("AccessDeniedException", "ecr:CreateRepository", update, prefix="boss", imageTagMutability="IMMUTABLE")
    assert described(ecr)[0]["imageTagMutability"] == "MUTABLE"


def test_a_role_is_passed_to_ecr_alone(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    role = f"arn:aws:iam::{account}:role/maker"
    create(ecr)
    passing = {**allow("iam:PassRole", resource=role), "Condition": {"StringEquals": {"iam:PassedToService": "x"}}}
    other = user(server, account, allow("ecr:*"), passing)
    update = other.update_repository_creation_template
    refused("AccessDeniedException", "iam:PassRole", update, prefix="prod", customRoleArn=role)
    passing["Condition"] = {"StringEquals": {"iam:PassedToService": "ecr.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("ecr:*"), passing]})
    server.client("iam", account).put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)
    assert update(prefix="prod", customRoleArn=role)["repositoryCreationTemplate"]["customRoleArn"] == role


def test_a_role_that_stays_is_passed_again_for_other_tags_or_another_key(
    server: Served,
    account: str,
    ecr: Any,  # noqa: ANN401 — as above
) -> None:
    create(ecr, customRoleArn=f"arn:aws:iam::{account}:role/maker")
    create(ecr, "free")
    update = user(server, account, allow("ecr:*")).update_repository_creation_template
    tags = [{"Key": "team", "Value": "payments"}]
    refused("AccessDeniedException", "iam:PassRole", update, prefix="prod", resourceTags=tags)
    encryption = {"encryptionType": "AES256"}
    refused("AccessDeniedException", "iam:PassRole", update, prefix="prod", encryptionConfiguration=encryption)
    update(prefix="prod", description="its role does not care")
    update(prefix="prod", resourceTags=tags, customRoleArn="")
    update(prefix="free", resourceTags=tags)


def test_a_role_that_stays_is_passed_again_for_a_further_purpose_alone(
    server: Served,
    account: str,
    ecr: Any,  # noqa: ANN401 — as above
) -> None:
    create(ecr, customRoleArn=f"arn:aws:iam::{account}:role/maker", appliedFor=["CREATE_ON_PUSH", "REPLICATION"])
    create(ecr, "free")
    update = user(server, account, allow("ecr:*")).update_repository_creation_template
    more = ["REPLICATION", "CREATE_ON_PUSH", "PULL_THROUGH_CACHE"]
    refused("AccessDeniedException", "iam:PassRole", update, prefix="prod", appliedFor=more)
    assert described(ecr, "prod")[0]["appliedFor"] == ["CREATE_ON_PUSH", "REPLICATION"]
    for fewer in (["REPLICATION", "CREATE_ON_PUSH"], ["CREATE_ON_PUSH"]):
        assert update(prefix="prod", appliedFor=fewer)["repositoryCreationTemplate"]["appliedFor"] == fewer
    refused("AccessDeniedException", "iam:PassRole", update, prefix="prod", appliedFor=["REPLICATION"])
    update(prefix="free", appliedFor=more)
    update(prefix="prod", appliedFor=more, customRoleArn="")


def test_the_service_linked_role_stays_as_long_as_a_template_does(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    create(ecr)
    iam = server.client("iam", account)
    assert _deletion_of_the_role(iam) == ("FAILED", "the role is in use: eu-west-1: configured")
    ecr.delete_repository_creation_template(prefix="prod")
    assert _deletion_of_the_role(iam)[0] == "SUCCEEDED"
    # The next template makes it again.
    create(ecr)
    assert iam.get_role(RoleName="AWSServiceRoleForECRTemplate")


def _deletion_of_the_role(iam: Any) -> tuple[str, str]:  # noqa: ANN401 — as above
    """Delete the service-linked role and return what became of it, and why."""
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECRTemplate")["DeletionTaskId"]

    def settled() -> dict[str, Any]:
        answer: dict[str, Any] = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
        return answer if answer["Status"] in {"FAILED", "SUCCEEDED"} else {}

    answer = until(settled)
    return answer["Status"], answer.get("Reason", {}).get("Reason", "")
