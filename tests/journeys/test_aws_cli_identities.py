"""The AWS command line's `iam` and `sts`: what an administrator of a registry types."""

import json
from typing import Any

import pytest

from tests.catalogs import SQLITE
from tests.iam.answers import allowing, trusting
from tests.journeys.clients import HOME, SOURCE, Owner, aws
from tests.journeys.commands import Program
from tests.journeys.waiting import until
from tests.waiting import PATIENCE_SECONDS
from twinport.console.commands import Cli
from twinport.model.names import RegionName

# What the command line is told does not depend on it.
DATABASES = (SQLITE,)
SERVICE, ROLE = "replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication"
READING = allowing("ecr:DescribeRepositories", "*")
DELETION_SECONDS = PATIENCE_SECONDS


@pytest.fixture
def iam(source: Owner) -> Program:
    """`aws iam` as the root of an open account."""
    return Program((*source.aws.words, "iam"), source.aws.environment)


def test_a_user_may_what_its_group_may(source: Owner, iam: Program) -> None:
    iam("create-user", "--user-name", "ann", "--path", "/staff/", "--tags", "Key=team,Value=blue")
    iam("wait", "user-exists", "--user-name", "ann")
    iam("create-group", "--group-name", "readers")
    iam("add-user-to-group", "--group-name", "readers", "--user-name", "ann")
    policy = answered(iam, "create-policy", "--policy-name", "reading", "--policy-document", READING)["Policy"]["Arn"]
    iam("wait", "policy-exists", "--policy-arn", policy)
    iam("attach-group-policy", "--group-name", "readers", "--policy-arn", policy)
    key = answered(iam, "create-access-key", "--user-name", "ann")["AccessKey"]

    ann = aws(source.server, HOME, key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    arn = f"arn:aws:iam::{SOURCE}:user/staff/ann"
    assert answered(ann, "sts", "get-caller-identity")["Arn"] == arn
    assert answered(ann, "ecr", "describe-repositories") == {"repositories": []}
    words = (
        f"(AccessDenied) when calling the ListUsers operation: User: {arn} is not authorized to perform: iam:ListUsers"
    )
    assert words in ann.refusal("iam", "list-users")
    used = answered(iam, "get-access-key-last-used", "--access-key-id", key["AccessKeyId"])
    assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"]) == ("ann", "iam")

    assert "(DeleteConflict)" in iam.refusal("delete-user", "--user-name", "ann")
    iam("delete-access-key", "--user-name", "ann", "--access-key-id", key["AccessKeyId"])
    iam("remove-user-from-group", "--group-name", "readers", "--user-name", "ann")
    iam("delete-user", "--user-name", "ann")
    iam("detach-group-policy", "--group-name", "readers", "--policy-arn", policy)
    iam("delete-group", "--group-name", "readers")
    iam("delete-policy", "--policy-arn", policy)
    assert "(NoSuchEntity)" in iam.refusal("get-policy", "--policy-arn", policy)


def test_a_command_of_the_console_sends_the_text_that_it_shows(source: Owner) -> None:
    iam, cli = source.boto("iam"), Cli(source.server.url, RegionName(HOME))
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(SOURCE))
    for text in ("http://a.example/", "file:///etc/hostname", "--role-name other", "it's \\\n $HOME"):
        shown = cli.line("iam update-role", role_name="build", description=text)
        Program(("sh", "-c", shown), source.aws.environment)()
        assert iam.get_role(RoleName="build")["Role"]["Description"] == text


def test_a_role_is_assumed_by_those_that_it_trusts_and_stands_in_a_profile(source: Owner, iam: Program) -> None:
    iam("create-role", "--role-name", "build", "--assume-role-policy-document", trusting(SOURCE))
    iam("wait", "role-exists", "--role-name", "build")
    iam("put-role-policy", "--role-name", "build", "--policy-name", "reading", "--policy-document", READING)
    shown = answered(iam, "get-role", "--role-name", "build")["Role"]
    assert shown["AssumeRolePolicyDocument"] == json.loads(trusting(SOURCE))
    assert shown["RoleLastUsed"] == {}
    iam("create-instance-profile", "--instance-profile-name", "machines")
    iam("wait", "instance-profile-exists", "--instance-profile-name", "machines")
    iam("add-role-to-instance-profile", "--instance-profile-name", "machines", "--role-name", "build")

    asked = ("--role-arn", f"arn:aws:iam::{SOURCE}:role/build", "--role-session-name", "one")
    session = answered(source.aws, "sts", "assume-role", *asked)["Credentials"]
    keys = {"key": session["AccessKeyId"], "secret": session["SecretAccessKey"], "session": session["SessionToken"]}
    build = aws(source.server, HOME, **keys)
    assert answered(build, "sts", "get-caller-identity")["Arn"].endswith(":assumed-role/build/one")
    assert answered(build, "ecr", "describe-repositories") == {"repositories": []}
    assert answered(iam, "get-role", "--role-name", "build")["Role"]["RoleLastUsed"]["Region"] == HOME

    iam("delete-role-policy", "--role-name", "build", "--policy-name", "reading")
    assert "must remove roles from instance profile first" in iam.refusal("delete-role", "--role-name", "build")
    profile = ("--instance-profile-name", "machines")
    iam("remove-role-from-instance-profile", *profile, "--role-name", "build")
    iam("delete-instance-profile", *profile)
    iam("delete-role", "--role-name", "build")
    assert "(InvalidClientTokenId)" in build.refusal("sts", "get-caller-identity")


def test_the_replication_role_is_created_described_edited_and_deleted(iam: Program) -> None:
    iam("create-service-linked-role", "--aws-service-name", SERVICE, "--description", "ours")
    assert answered(iam, "get-role", "--role-name", ROLE)["Role"]["Description"] == "ours"
    iam("update-role-description", "--role-name", ROLE, "--description", "theirs")
    assert answered(iam, "get-role", "--role-name", ROLE)["Role"]["Description"] == "theirs"
    assert "(UnmodifiableEntity)" in iam.refusal("delete-role", "--role-name", ROLE)
    task = answered(iam, "delete-service-linked-role", "--role-name", ROLE)["DeletionTaskId"]

    def is_done() -> bool:
        status = answered(iam, "get-service-linked-role-deletion-status", "--deletion-task-id", str(task))["Status"]
        return bool(status == "SUCCEEDED")

    until("the role is deleted", is_done, seconds=DELETION_SECONDS)
    assert "(NoSuchEntity)" in iam.refusal("get-role", "--role-name", ROLE)


def test_policies_of_aws_come_in_pages(iam: Program) -> None:
    asked = ("list-policies", "--scope", "AWS", "--query", "Policies[].PolicyName")
    whole, paged = answered(iam, *asked), answered(iam, *asked, "--page-size", "4")
    assert whole == paged
    assert {"AdministratorAccess", "AmazonEC2ContainerRegistryReadOnly", "ECRReplicationServiceRolePolicy"} <= set(
        paged
    )


def answered(program: Program, *words: str) -> Any:  # noqa: ANN401 — whatever the command prints
    """Run a command and read its JSON."""
    return json.loads(program(*words))
