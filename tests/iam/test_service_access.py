"""Which services an entity may call, when it last did, and which policies let it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.iam.answers import ALLOW_ALL, allowing, keys_of, refusal, trusting
from tests.served import Served
from twinport.policies.granted_services import grants

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


def told(iam: Any, arn: str) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """Ask about an entity or policy, and return what is told by the service's prefix."""
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    answer = iam.get_service_last_accessed_details(JobId=job)
    assert (answer["JobStatus"], answer["JobType"]) == ("COMPLETED", "SERVICE_LEVEL")
    return {each["ServiceNamespace"]: each for each in answer["ServicesLastAccessed"]}


def test_a_user_is_told_of_the_services_that_it_may_call(iam: Any, account: str) -> None:  # noqa: ANN401
    keys_of(iam, "ann", allowing("ecr:DescribeImages", "*"))
    services = told(iam, f"arn:aws:iam::{account}:user/ann")
    assert services == {
        "ecr": {
            "ServiceName": "Amazon Elastic Container Registry",
            "ServiceNamespace": "ecr",
            "TotalAuthenticatedEntities": 0,
        }
    }


def test_a_call_is_reported_with_its_time_its_region_and_its_caller(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    keys = keys_of(iam, "ann", ALLOW_ALL)
    server.client("ecr", account, region="eu-central-1", keys=keys).describe_registry()
    server.client("sts", account, keys=keys).get_caller_identity()
    arn = f"arn:aws:iam::{account}:user/ann"
    services = told(iam, arn)
    assert (services["ecr"]["LastAuthenticatedRegion"], services["ecr"]["LastAuthenticatedEntity"]) == (
        "eu-central-1",
        arn,
    )
    assert services["sts"]["TotalAuthenticatedEntities"] == 1
    assert "LastAuthenticated" not in services["iam"]


def test_a_policy_is_reported_with_the_last_callers_of_its_services(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_group(GroupName="staff")
    iam.attach_group_policy(GroupName="staff", PolicyArn=READ_ONLY)
    for name in ("ann", "bob"):
        keys = keys_of(iam, name)
        iam.add_user_to_group(GroupName="staff", UserName=name)
        server.client("ecr", account, keys=keys).describe_repositories()
    for arn in (READ_ONLY, f"arn:aws:iam::{account}:group/staff"):
        ecr = told(iam, arn)["ecr"]
        assert (ecr["TotalAuthenticatedEntities"], ecr["LastAuthenticatedEntity"]) == (
            2,
            f"arn:aws:iam::{account}:user/bob",
        )


def test_a_role_is_told_of_its_sessions_calls(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    iam.put_role_policy(RoleName="build", PolicyName="p", PolicyDocument=ALLOW_ALL)
    arn = f"arn:aws:iam::{account}:role/build"
    session = server.client("sts", account).assume_role(RoleArn=arn, RoleSessionName="one")["Credentials"]
    keys = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    server.client("ecr", account, keys=keys).describe_registry()
    assert told(iam, arn)["ecr"]["LastAuthenticatedEntity"] == arn


def test_what_is_not_there_is_not_told_of(iam: Any, account: str) -> None:  # noqa: ANN401
    ask = iam.generate_service_last_accessed_details
    words = "The user with name none cannot be found."
    assert refusal(ask, Arn=f"arn:aws:iam::{account}:user/none") == (404, "NoSuchEntity", words)
    assert refusal(ask, Arn=f"arn:aws:iam::{account}:policy/none")[:2] == (404, "NoSuchEntity")
    assert refusal(ask, Arn="arn:aws:iam::999999999999:user/ann")[:2] == (404, "NoSuchEntity")
    job = "b3c4d5e6-0000-4000-8000-000000000000"
    assert refusal(iam.get_service_last_accessed_details, JobId=job)[:2] == (404, "NoSuchEntity")
    iam.create_user(UserName="ann")
    answer = refusal(ask, Arn=f"arn:aws:iam::{account}:user/ann", Granularity="ACTION_LEVEL")
    assert answer[:2] == (400, "UnsupportedOperation")


def test_policies_that_let_a_user_call_a_service_are_named(iam: Any, account: str) -> None:  # noqa: ANN401
    keys_of(iam, "ann", allowing("ecr:*", "*"), allowing("sts:*", "*"))
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="ann")
    iam.put_group_policy(GroupName="staff", PolicyName="all", PolicyDocument=ALLOW_ALL)
    iam.attach_group_policy(GroupName="staff", PolicyArn=READ_ONLY)
    arn = f"arn:aws:iam::{account}:user/ann"
    found = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["ecr", "iam"])
    ecr, iams = found["PoliciesGrantingServiceAccess"]
    group_policy = {"PolicyName": "all", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": "staff"}
    assert iams == {"ServiceNamespace": "iam", "Policies": [group_policy]}
    assert ecr["Policies"] == [
        {"PolicyName": "inline-0", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "ann"},
        group_policy,
        {"PolicyName": READ_ONLY.rpartition("/")[2], "PolicyType": "MANAGED", "PolicyArn": READ_ONLY},
    ]


GRANTING = [
    {"Effect": "Allow", "Action": "*"},
    {"Effect": "Allow", "Action": "ECR:Put*"},
    {"Effect": "Allow", "NotAction": "iam:*"},
    {"Effect": "Allow", "NotAction": "ecr:Put*"},
]
NOT_GRANTING = [
    {"Effect": "Allow", "Action": ["iam:GetUser", "sts:*"]},
    {"Effect": "Deny", "Action": "ecr:*"},
    {"Effect": "Allow", "NotAction": ["ecr:*", "iam:*"]},
]


@pytest.mark.parametrize("statement", [*GRANTING, *NOT_GRANTING])
def test_a_policy_grants_a_service_when_it_allows_some_action_of_it(statement: dict[str, object]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": {**statement, "Resource": "*"}})
    assert grants(document, "ecr") is (statement in GRANTING)


ACTIONS = st.lists(st.sampled_from(["ecr:PutImage", "iam:*", "sts:AssumeRole"]), min_size=1)


@given(st.lists(ACTIONS), ACTIONS, st.sampled_from(["ecr", "iam", "sts"]))
def test_another_statement_that_allows_takes_no_service_away(
    before: list[list[str]], more: list[str], name: str
) -> None:
    def granted(allowed: list[list[str]]) -> bool:
        statements = [{"Effect": "Allow", "Action": actions, "Resource": "*"} for actions in allowed]
        return grants(json.dumps({"Version": "2012-10-17", "Statement": statements}), name)

    assert granted([*before, more]) >= granted(before)
