"""The policy simulator by the public door: AWS's shapes, and the gate's answers."""

import json
from typing import Any

import pytest
from hypothesis import given

from tests.iam.answers import ALLOW_ALL, allowing, refusal
from tests.policies import cases
from tests.policies.situations import SITUATIONS, Case
from tests.served import Served
from twinport.policies.simulation import ALLOWED, simulate

API = "arn:aws:ecr:eu-west-1:{}:repository/team/api"
# The layout of the console: its one statement runs from 3:19 to 9:10, as the example in the AWS CLI's help does.
LAID_OUT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "One", "Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}],
    },
    indent=4,
)
WITH_KEYS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "ecr:*",
                "Resource": "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/*",
                "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
            },
            {
                "Effect": "Allow",
                "Action": "s3:*",
                "Resource": "*",
                "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
            },
        ],
    }
)
OPEN = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Resource": "*"}]}'
SOURCE = {"ContextKeyName": "aws:SourceIp"}


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def alice(iam: Any) -> str:  # noqa: ANN401 — as above
    arn: str = iam.create_user(UserName="alice")["User"]["Arn"]
    iam.put_user_policy(UserName="alice", PolicyName="pushers", PolicyDocument=LAID_OUT)
    return arn


def one(answer: dict[str, Any]) -> dict[str, Any]:
    (result,) = answer["EvaluationResults"]
    found: dict[str, Any] = result
    return found


def denying(action: str, resource: str = "*", **members: object) -> str:
    statement = {"Effect": "Deny", "Action": action, "Resource": resource, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_answer_has_the_members_that_aws_gave(iam: Any, alice: str, account: str) -> None:  # noqa: ANN401
    result = one(
        iam.simulate_principal_policy(
            PolicySourceArn=alice, ActionNames=["ecr:PutImage"], ResourceArns=[API.format(account)]
        )
    )
    statement = {
        "SourcePolicyId": "pushers",
        "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": 3, "Column": 19},
        "EndPosition": {"Line": 9, "Column": 10},
    }
    assert result == {
        "EvalActionName": "ecr:PutImage",
        "EvalResourceName": API.format(account),
        "EvalDecision": "allowed",
        "MatchedStatements": [statement],
        "MissingContextValues": [],
        "EvalDecisionDetails": {},
        "ResourceSpecificResults": [
            {
                "EvalResourceName": API.format(account),
                "EvalResourceDecision": "allowed",
                "MatchedStatements": [statement],
                "MissingContextValues": [],
            }
        ],
    }


def test_every_resource_is_meant_when_none_is_named(iam: Any, alice: str) -> None:  # noqa: ANN401
    result = one(iam.simulate_principal_policy(PolicySourceArn=alice, ActionNames=["ecr:DeleteRepository"]))
    assert (result["EvalResourceName"], result["EvalDecision"]) == ("*", "implicitDeny")
    assert not {"EvalDecisionDetails", "ResourceSpecificResults"} & set(result)


def test_missing_keys_are_named_as_they_are_written_and_only_those_of_the_action(iam: Any) -> None:  # noqa: ANN401
    asked = {"PolicyInputList": [WITH_KEYS], "ActionNames": ["ecr:PutImage"]}
    result = one(iam.simulate_custom_policy(**asked))
    assert result["MissingContextValues"] == ["aws:PrincipalTag/team", "aws:SourceIp"]
    given_keys = [
        {"ContextKeyName": "aws:sourceip", "ContextKeyValues": ["10.1.2.3"], "ContextKeyType": "ip"},
        {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyValues": ["blue"], "ContextKeyType": "string"},
    ]
    where = ["arn:aws:ecr:eu-west-1:111122223333:repository/blue/api"]
    result = one(iam.simulate_custom_policy(**asked, ContextEntries=given_keys, ResourceArns=where))
    (specific,) = result["ResourceSpecificResults"]
    assert (result["EvalDecision"], specific["MissingContextValues"]) == ("allowed", [])


def test_a_deny_is_the_only_statement_that_is_shown(iam: Any) -> None:  # noqa: ANN401
    result = one(
        iam.simulate_custom_policy(PolicyInputList=[ALLOW_ALL, denying("ecr:Put*")], ActionNames=["ecr:PutImage"])
    )
    (matched,) = result["MatchedStatements"]
    assert (result["EvalDecision"], matched["SourcePolicyId"]) == ("explicitDeny", "PolicyInputList.2")


def test_a_boundary_limits_and_is_told_of(iam: Any, alice: str) -> None:  # noqa: ANN401
    asked = {"PolicySourceArn": alice, "ActionNames": ["ecr:PutImage"]}
    for boundary, decision, allowed in ((ALLOW_ALL, "allowed", True), (allowing("s3:*", "*"), "implicitDeny", False)):
        result = one(iam.simulate_principal_policy(**asked, PermissionsBoundaryPolicyInputList=[boundary]))
        assert result["EvalDecision"] == decision
        assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": allowed}


def test_across_a_border_each_side_is_told_of(iam: Any, account: str) -> None:  # noqa: ANN401
    owner = "999988887777"
    resource_policy = json.dumps(
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "ecr:*", "Resource": "*"}]}
    )
    asked = {
        "ActionNames": ["ecr:PutImage"],
        "ResourceArns": [API.format(owner)],
        "CallerArn": f"arn:aws:iam::{account}:user/alice",
    }
    result = one(iam.simulate_custom_policy(**asked, PolicyInputList=[ALLOW_ALL]))
    assert result["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}
    assert result["EvalDecision"] == "implicitDeny"
    result = one(iam.simulate_custom_policy(**asked, PolicyInputList=[ALLOW_ALL], ResourcePolicy=resource_policy))
    assert result["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "allowed"}
    assert {each["SourcePolicyType"] for each in result["MatchedStatements"]} == {"IAM Policy", "Resource Policy"}
    assert result["EvalDecision"] == "allowed"


def test_levels_of_an_organization_are_told_of_and_not_shown(iam: Any) -> None:  # noqa: ANN401
    levels = [{"ServiceControlPolicyInputList": [text]} for text in (ALLOW_ALL, allowing("s3:*", "*"))]
    asked = {"PolicyInputList": [ALLOW_ALL], "ActionNames": ["ecr:PutImage"]}
    result = one(iam.simulate_custom_policy(**asked, OrderedOrganizationPolicyInputList=levels))
    assert (result["EvalDecision"], result["MatchedStatements"]) == ("implicitDeny", [])
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    result = one(iam.simulate_custom_policy(**asked, OrderedOrganizationPolicyInputList=levels[:1]))
    assert (result["EvalDecision"], result["OrganizationsDecisionDetail"]["AllowedByOrganizations"]) == (
        "allowed",
        True,
    )


def test_what_is_excluded_is_as_good_as_detached(iam: Any, alice: str) -> None:  # noqa: ANN401
    asked = {"PolicySourceArn": alice, "ActionNames": ["ecr:PutImage"]}
    inline = {"PolicyName": "pushers", "AttachmentType": "user", "AttachmentName": "alice"}
    iam.create_group(GroupName="ci")
    iam.add_user_to_group(GroupName="ci", UserName="alice")
    iam.put_group_policy(GroupName="ci", PolicyName="pushers", PolicyDocument=ALLOW_ALL)
    without_own = [{"InlinePolicyIdentifier": inline}]
    result = one(iam.simulate_principal_policy(**asked, PolicyExclusionList=without_own))
    assert (result["EvalDecision"], len(result["MatchedStatements"])) == ("allowed", 1)
    of_group = {"PolicyName": "pushers", "AttachmentType": "group", "AttachmentName": "ci"}
    both = [*without_own, {"InlinePolicyIdentifier": of_group}]
    assert one(iam.simulate_principal_policy(**asked, PolicyExclusionList=both))["EvalDecision"] == "implicitDeny"
    every = [{"PolicyType": "inline"}]
    assert one(iam.simulate_principal_policy(**asked, PolicyExclusionList=every))["EvalDecision"] == "implicitDeny"


def test_a_group_and_a_role_are_simulated_by_what_they_hold(iam: Any, account: str) -> None:  # noqa: ANN401
    group = iam.create_group(GroupName="ci")["Group"]["Arn"]
    iam.put_group_policy(GroupName="ci", PolicyName="all", PolicyDocument=ALLOW_ALL)
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    managed = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    iam.attach_role_policy(RoleName="r", PolicyArn=managed)
    asked = ["ecr:BatchGetImage", "ecr:PutImage"]
    results = iam.simulate_principal_policy(PolicySourceArn=group, ActionNames=asked)["EvaluationResults"]
    assert [each["EvalDecision"] for each in results] == ["allowed", "allowed"]
    results = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=asked)["EvaluationResults"]
    assert [each["EvalDecision"] for each in results] == ["allowed", "implicitDeny"]
    assert results[0]["MatchedStatements"][0]["SourcePolicyId"] == "AmazonEC2ContainerRegistryReadOnly"


def test_pages_give_each_pair_once(iam: Any, account: str) -> None:  # noqa: ANN401
    resources = [f"arn:aws:ecr:eu-west-1:{account}:repository/r{number}" for number in range(3)]
    actions = ["ecr:PutImage", "ecr:BatchGetImage"]
    pages = list(
        iam.get_paginator("simulate_custom_policy").paginate(
            PolicyInputList=[ALLOW_ALL],
            ActionNames=actions,
            ResourceArns=resources,
            PaginationConfig={"PageSize": 4},
        )
    )
    assert [len(page["EvaluationResults"]) for page in pages] == [4, 2]
    pairs = [(each["EvalActionName"], each["EvalResourceName"]) for page in pages for each in page["EvaluationResults"]]
    assert pairs == [(action, resource) for action in actions for resource in resources]


def test_a_page_that_would_take_long_is_shorter_and_nothing_is_left_out(iam: Any) -> None:  # noqa: ANN401
    statements = [{"Effect": "Allow", "Action": f"ecr:Action{number}", "Resource": "*"} for number in range(1000)]
    large = json.dumps({"Version": "2012-10-17", "Statement": statements})
    actions = [f"ecr:Action{number}" for number in range(0, 1000, 100)]
    asked = {"PolicyInputList": [large] * 4, "ActionNames": actions}
    pages = list(iam.get_paginator("simulate_custom_policy").paginate(**asked))
    assert [len(page["EvaluationResults"]) for page in pages] == [7, 3]
    results = [each for page in pages for each in page["EvaluationResults"]]
    assert [each["EvalActionName"] for each in results] == actions
    assert {each["EvalDecision"] for each in results} == {"allowed"}
    assert len(results[0]["MatchedStatements"]) == 4


def test_an_entity_that_is_not_there_cannot_be_retrieved(iam: Any, account: str) -> None:  # noqa: ANN401
    arn = f"arn:aws:iam::{account}:role/nobody"
    answer = refusal(iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["ecr:PutImage"])
    assert answer == (404, "NoSuchEntity", "Unable to retrieve specified IAM entity.")


@pytest.mark.parametrize(
    "asked",
    [
        {"ActionNames": ["ecr:Put*"]},
        {"ActionNames": ["PutImage"]},
        {"ResourceArns": ["team/api"]},
        {"PolicyInputList": ["{}"]},
        {"PolicyInputList": ["nonsense"]},
        {"PermissionsBoundaryPolicyInputList": [ALLOW_ALL, ALLOW_ALL]},
        {"ResourcePolicy": OPEN},
        {"CallerArn": "arn:aws:sts::111122223333:assumed-role/r/s"},
        {"CallerArn": "arn:aws:iam::111122223333:user/alice", "ResourceOwner": "somebody"},
        {"ResourceHandlingOption": "EC2-VPC-EBS"},
        {"ContextEntries": [{**SOURCE, "ContextKeyValues": ["a", "b"], "ContextKeyType": "ip"}]},
        {"ContextEntries": [{**SOURCE, "ContextKeyValues": ["a"]}]},
    ],
)
def test_what_cannot_be_simulated_is_refused(iam: Any, asked: dict[str, Any]) -> None:  # noqa: ANN401
    whole = {"PolicyInputList": [ALLOW_ALL], "ActionNames": ["ecr:PutImage"], **asked}
    status, code, message = refusal(iam.simulate_custom_policy, **whole)
    assert (status, code) == (400, "InvalidInput"), message


def test_the_simulator_agrees_with_the_gate(server: Served, iam: Any, alice: str, account: str) -> None:  # noqa: ANN401
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    ecr = server.client("ecr", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    denied = iam.simulate_principal_policy(PolicySourceArn=alice, ActionNames=["ecr:CreateRepository"])
    assert one(denied)["EvalDecision"] == "implicitDeny"
    assert refusal(ecr.create_repository, repositoryName="team/api")[1] == "AccessDeniedException"
    iam.put_user_policy(UserName="alice", PolicyName="creators", PolicyDocument=allowing("ecr:CreateRepository", "*"))
    allowed = iam.simulate_principal_policy(PolicySourceArn=alice, ActionNames=["ecr:CreateRepository"])
    assert one(allowed)["EvalDecision"] == "allowed"
    assert ecr.create_repository(repositoryName="team/api")["repository"]


def test_a_simulation_is_for_callers_that_may_ask(server: Served, iam: Any, alice: str, account: str) -> None:  # noqa: ANN401
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    asking = server.client("iam", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    status, _, text = refusal(asking.simulate_principal_policy, PolicySourceArn=alice, ActionNames=["ecr:PutImage"])
    assert (status, "iam:SimulatePrincipalPolicy on resource: " + alice in text) == (403, True)
    status, _, text = refusal(asking.simulate_custom_policy, PolicyInputList=[ALLOW_ALL], ActionNames=["ecr:PutImage"])
    assert (status, "iam:SimulateCustomPolicy on resource: *" in text) == (403, True)


@given(SITUATIONS)
def test_simulation_and_decision_agree(case: Case) -> None:
    simulated = simulate(case.request, case.policies)
    assert (simulated.decision == ALLOWED) is case.is_allowed


# The simulator knows no trust policies.
CASES = [case for case in cases.load() if case.policies.trust is None]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_simulator_says_of_every_case_what_the_gate_does(case: cases.Case) -> None:
    assert (simulate(case.request, case.policies).decision == ALLOWED) is (case.expect == "allowed")


def test_a_value_that_is_too_long_to_be_compared_is_missing_and_no_allow_applies(iam: Any) -> None:  # noqa: ANN401
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:UserAgent": "good*"}}},
    ]}  # fmt: skip
    for length, decision, missing in [(1_024, "allowed", []), (1_025, "implicitDeny", ["aws:UserAgent"])]:
        entry = {"ContextKeyName": "aws:UserAgent", "ContextKeyType": "string",
                 "ContextKeyValues": ["good".ljust(length, "x")]}  # fmt: skip
        result = one(
            iam.simulate_custom_policy(
                PolicyInputList=[json.dumps(policy)], ActionNames=["ecr:PutImage"], ContextEntries=[entry]
            )
        )
        assert (result["EvalDecision"], result["MissingContextValues"]) == (decision, missing)


def test_a_simulation_that_takes_too_many_steps_is_refused_with_the_reason(iam: Any) -> None:  # noqa: ANN401
    hostile = ["*" + "a?" * 200 + "b*"] * 100
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:UserAgent": hostile}}},
    ]}  # fmt: skip
    entry = {"ContextKeyName": "aws:UserAgent", "ContextKeyType": "string", "ContextKeyValues": ["a" * 1_024]}
    status, code, message = refusal(
        iam.simulate_custom_policy,
        PolicyInputList=[json.dumps(policy)],
        ActionNames=["ecr:PutImage"],
        ContextEntries=[entry],
    )
    assert (status, code) == (500, "PolicyEvaluation")
    assert "because the policies take more than 20000 steps to compare with the request" in message
