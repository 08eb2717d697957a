"""AWS's managed policies are known by ARN, with their versions."""

import json

from twinport.policies.aws_managed import AwsPolicies, is_aws_policy

FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess"
REPLICATION = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"


def test_a_policy_of_aws_is_found_by_its_arn() -> None:
    policy = AwsPolicies().find(FULL_ACCESS)
    assert policy is not None
    assert (policy.name, policy.version, policy.is_attachable) == ("AmazonEC2ContainerRegistryFullAccess", "v3", True)


def test_the_policy_of_the_replication_role_cannot_be_attached() -> None:
    policy = AwsPolicies().find(REPLICATION)
    assert policy is not None
    assert not policy.is_attachable


def test_the_policy_of_the_replication_role_allows_two_actions() -> None:
    policy = AwsPolicies().find(REPLICATION)
    assert policy is not None
    statement = json.loads(policy.document)["Statement"]
    assert statement == [{"Effect": "Allow", "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"], "Resource": "*"}]


def test_a_customers_policy_is_not_one_of_aws() -> None:
    assert is_aws_policy(FULL_ACCESS)
    assert not is_aws_policy("arn:aws:iam::111122223333:policy/AdministratorAccess")
