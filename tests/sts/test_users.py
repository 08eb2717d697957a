"""Temporary credentials of users and roots, by the public door: what they are, may, may not, and when they end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.iam.answers import ALLOW_ALL, allowing, refusal
from tests.served import Served
from tests.sts.callers import Keys, document, keys_of, statement, user

MINUTE = timedelta(minutes=1)
UNKNOWN = (403, "InvalidClientTokenId", "The security token included in the request is invalid.")
FEDERATE = statement("Allow", ["sts:GetFederationToken", "sts:TagSession"])
ECR = document(statement("Allow", "ecr:*"))
GUEST = {"Name": "guest", "Policy": ECR}
CREATE = {"repositoryName": "team/api"}


def repositories(server: Served, account: str, keys: Keys) -> Any:  # noqa: ANN401 — boto3's answers have no type
    return server.client("ecr", account, keys=keys).describe_repositories()["repositories"]


def error_code(call: Any, **arguments: object) -> str:  # noqa: ANN401
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    code: str = raised.value.response["Error"]["Code"]
    return code


def lasts(answer: Any) -> timedelta:  # noqa: ANN401
    end: datetime = answer["Credentials"]["Expiration"]
    return end - datetime.now(UTC)


def test_a_session_of_a_user_is_the_user_and_lasts_twelve_hours(server: Served, account: str) -> None:
    ann = user(server, account, "ann", ECR, Path="/team/")
    answer = server.client("sts", account, keys=ann.keys).get_session_token()
    assert abs(lasts(answer) - timedelta(hours=12)) < MINUTE
    assert answer.keys() == {"Credentials", "ResponseMetadata"}
    me = server.client("sts", account, keys=keys_of(answer)).get_caller_identity()
    assert (me["UserId"], me["Arn"]) == (ann.unique_id, f"arn:aws:iam::{account}:user/team/ann")
    assert repositories(server, account, keys_of(answer)) == []


def test_a_session_needs_no_permission_and_no_policy_forbids_it(server: Served, account: str) -> None:
    ann = user(server, account, "ann", document(statement("Deny", "sts:*")))
    assert "Credentials" in server.client("sts", account, keys=ann.keys).get_session_token(DurationSeconds=900)


def test_a_session_outside_its_bounds_is_refused(server: Served, account: str) -> None:
    status, code, message = refusal(server.client("sts", account).get_session_token, DurationSeconds=129601)
    assert (status, code) == (400, "ValidationError")
    limit = "Member must have value less than or equal to 129600"
    assert f"Value '129601' at 'durationSeconds' failed to satisfy constraint: {limit}" in message


def test_sessions_of_a_root_are_cut_to_an_hour(server: Served, account: str) -> None:
    sts = server.client("sts", account)
    for answer in (sts.get_session_token(DurationSeconds=129600), sts.get_federation_token(Name="guest")):
        assert abs(lasts(answer) - timedelta(hours=1)) < MINUTE


def test_sessions_of_users_and_roots_may_call_nothing_of_iam(server: Served, account: str) -> None:
    ann = user(server, account, "ann", ALLOW_ALL)
    for keys in ((account, "test", None), ann.keys):
        sts = server.client("sts", account, keys=keys)
        for answer in (sts.get_session_token(), sts.get_federation_token(Name="guest", Policy=ALLOW_ALL)):
            assert refusal(server.client("iam", account, keys=keys_of(answer)).list_roles) == UNKNOWN


def test_of_sts_a_session_of_a_user_may_call_assume_role_and_get_caller_identity_alone(
    server: Served, account: str
) -> None:
    ann = user(server, account, "ann", ALLOW_ALL)
    trust = document({"Effect": "Allow", "Principal": {"AWS": ann.arn}, "Action": "sts:AssumeRole"})
    iam = server.client("iam", account)
    iam.create_role(RoleName="one", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200)
    mine = keys_of(server.client("sts", account, keys=ann.keys).get_session_token())
    sts = server.client("sts", account, keys=mine)
    role = {"RoleArn": f"arn:aws:iam::{account}:role/one", "RoleSessionName": "build"}
    # No chain of roles: the hour of chains does not bind.
    assert abs(lasts(sts.assume_role(**role, DurationSeconds=7200)) - timedelta(hours=2)) < MINUTE
    denied = (403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
    assert refusal(sts.get_session_token) == denied
    assert error_code(sts.get_federation_token, Name="guest") == "AccessDenied"
    assert error_code(sts.get_access_key_info, AccessKeyId=mine[0]) == "AccessDenied"


def test_a_session_of_a_role_gets_no_tokens_of_users(server: Served, account: str) -> None:
    trust = document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
    iam = server.client("iam", account)
    iam.create_role(RoleName="one", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName="one", PolicyName="p", PolicyDocument=ALLOW_ALL)
    role = {"RoleArn": f"arn:aws:iam::{account}:role/one", "RoleSessionName": "build"}
    session = keys_of(server.client("sts", account).assume_role(**role))
    sts = server.client("sts", account, keys=session)
    for operation, call, arguments in (
        ("GetSessionToken", sts.get_session_token, {}),
        ("GetFederationToken", sts.get_federation_token, {"Name": "guest"}),
    ):
        denied = (403, "AccessDenied", f"Cannot call {operation} with session credentials")
        assert refusal(call, **arguments) == denied
    assert sts.get_access_key_info(AccessKeyId=session[0])["Account"] == account


def test_a_federated_user_has_its_own_name_and_calls_nothing_else_of_sts(server: Served, account: str) -> None:
    ann = user(server, account, "ann", ALLOW_ALL)
    answer = server.client("sts", account, keys=ann.keys).get_federation_token(Name="guest")
    assert answer["PackedPolicySize"] == 0
    arn = f"arn:aws:sts::{account}:federated-user/guest"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{account}:guest", "Arn": arn}
    sts = server.client("sts", account, keys=keys_of(answer))
    me = sts.get_caller_identity()
    assert (me["UserId"], me["Account"], me["Arn"]) == (f"{account}:guest", account, arn)
    role = {"RoleArn": f"arn:aws:iam::{account}:role/one", "RoleSessionName": "build"}
    assert error_code(sts.assume_role, **role) == "AccessDenied"
    assert error_code(sts.get_session_token) == "AccessDenied"


def test_a_federated_user_may_what_both_the_user_and_the_session_policies_allow(server: Served, account: str) -> None:
    ann = user(server, account, "ann", document(FEDERATE, statement("Allow", "ecr:Describe*")))
    sts = server.client("sts", account, keys=ann.keys)
    nothing = keys_of(sts.get_federation_token(Name="guest"))
    assert (
        "because no session policy allows"
        in refusal(server.client("ecr", account, keys=nothing).describe_repositories)[2]
    )
    guest = sts.get_federation_token(Name="guest", Policy=ECR)
    assert guest["PackedPolicySize"] == -(-100 * len(ECR) // 2048)
    assert repositories(server, account, keys_of(guest)) == []
    wider = refusal(server.client("ecr", account, keys=keys_of(guest)).create_repository, **CREATE)
    assert wider[2].startswith(f"User: arn:aws:sts::{account}:federated-user/guest is not authorized to perform: ")
    assert wider[2].endswith("because no identity-based policy allows the ecr:CreateRepository action")


def test_a_federated_user_of_a_root_may_what_the_session_policies_allow(server: Served, account: str) -> None:
    managed = [{"arn": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"}]
    guest = server.client("sts", account).get_federation_token(Name="guest", PolicyArns=managed)
    assert repositories(server, account, keys_of(guest)) == []
    denied = refusal(server.client("ecr", account, keys=keys_of(guest)).create_repository, **CREATE)
    assert "because no session policy allows the ecr:CreateRepository action" in denied[2]


def test_federation_needs_a_permission_for_the_name(server: Served, account: str) -> None:
    own = f"arn:aws:sts::{account}:federated-user/${{aws:username}}"
    ann = user(server, account, "ann", document(statement("Allow", "sts:GetFederationToken", own)))
    sts = server.client("sts", account, keys=ann.keys)
    assert "Credentials" in sts.get_federation_token(Name="ann")
    status, code, message = refusal(sts.get_federation_token, Name="bob")
    assert (status, code) == (403, "AccessDenied")
    assert message == (
        f"User: {ann.arn} is not authorized to perform: sts:GetFederationToken on resource: "
        f"arn:aws:sts::{account}:federated-user/bob because no identity-based policy allows the "
        "sts:GetFederationToken action"
    )
    assert "sts:TagSession" in refusal(sts.get_federation_token, Name="ann", Tags=[{"Key": "a", "Value": "b"}])[2]


def test_tags_of_the_session_stand_before_those_of_the_user_whatever_their_case(server: Served, account: str) -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    policy = document(FEDERATE, statement("Allow", "ecr:*", Condition=condition))
    ann = user(server, account, "ann", policy, Tags=[{"Key": "Team", "Value": "red"}])
    sts = server.client("sts", account, keys=ann.keys)
    blue = [{"Key": "team", "Value": "blue"}]
    assert repositories(server, account, keys_of(sts.get_federation_token(Name="guest", Policy=ECR, Tags=blue))) == []
    plain = keys_of(sts.get_federation_token(Name="guest", Policy=ECR))
    assert error_code(server.client("ecr", account, keys=plain).describe_repositories) == "AccessDeniedException"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"Policy": "{"}, "MalformedPolicyDocument"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/NoSuchPolicyAtAll"}]}, "ValidationError"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11}, "ValidationError"),
        ({"Policy": ECR.ljust(2049)}, "ValidationError"),
        ({"Policy": ECR.ljust(2000), "Tags": [{"Key": "a" * 100, "Value": "b"}]}, "PackedPolicyTooLarge"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "InvalidParameterValue"),
        ({"Name": "a b"}, "ValidationError"),
        ({"Name": "a" * 33}, "ValidationError"),
    ],
)
def test_what_no_session_can_be_made_of_is_refused(
    server: Served, account: str, members: dict[str, object], code: str
) -> None:
    federate = server.client("sts", account).get_federation_token
    assert error_code(federate, **{"Name": "guest", **members}) == code


@pytest.mark.parametrize("key", ["aws:PrincipalArn", "aws:userid", "aws:PrincipalType"])
def test_conditions_see_the_user_that_a_session_stands_for(server: Served, account: str, key: str) -> None:
    ann = user(server, account, "ann")
    sts = server.client("sts", account, keys=ann.keys)
    federated = f"arn:aws:sts::{account}:federated-user/guest"
    own = {"aws:PrincipalArn": ann.arn, "aws:userid": ann.unique_id, "aws:PrincipalType": "User"}
    guests = {"aws:PrincipalArn": federated, "aws:userid": f"{account}:guest", "aws:PrincipalType": "FederatedUser"}
    for seen, begin, wish in ((own, sts.get_session_token, {}), (guests, sts.get_federation_token, GUEST)):
        condition = {"StringEquals": {key: seen[key]}, "Bool": {"aws:MultiFactorAuthPresent": "false"}}
        policy = document(FEDERATE, statement("Allow", "ecr:*", Condition=condition))
        server.client("iam", account).put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
        assert repositories(server, account, keys_of(begin(**wish))) == []


def test_sessions_are_revoked_at_once_by_a_policy_about_their_time_of_issue(server: Served, account: str) -> None:
    ann = user(server, account, "ann", document(FEDERATE, statement("Allow", "ecr:*")))
    sts = server.client("sts", account, keys=ann.keys)
    sessions = [keys_of(sts.get_session_token()), keys_of(sts.get_federation_token(Name="guest", Policy=ECR))]
    for keys in sessions:
        assert repositories(server, account, keys) == []
    later = (datetime.now(UTC) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    revoke = document(statement("Deny", "*", Condition={"DateLessThan": {"aws:TokenIssueTime": later}}))
    server.client("iam", account).put_user_policy(UserName="ann", PolicyName="revoke", PolicyDocument=revoke)
    for keys in sessions:
        denied = refusal(server.client("ecr", account, keys=keys).describe_repositories)
        assert "with an explicit deny in an identity-based policy" in denied[2]
    # The key itself has no time of issue.
    assert repositories(server, account, ann.keys) == []


def test_sessions_end_with_their_user_and_not_with_a_new_one_of_the_same_name(server: Served, account: str) -> None:
    ann = user(server, account, "ann", document(FEDERATE, statement("Allow", "ecr:*")))
    sts = server.client("sts", account, keys=ann.keys)
    sessions = [keys_of(sts.get_session_token()), keys_of(sts.get_federation_token(Name="guest", Policy=ECR))]
    iam = server.client("iam", account)
    iam.delete_access_key(UserName="ann", AccessKeyId=ann.keys[0])
    # AWS lets sessions outlive the key that asked for them.
    assert repositories(server, account, sessions[0]) == []
    iam.delete_user_policy(UserName="ann", PolicyName="p")
    iam.delete_user(UserName="ann")
    user(server, account, "ann", ALLOW_ALL)
    for keys in sessions:
        code = error_code(server.client("ecr", account, keys=keys).describe_repositories)
        assert code == "UnrecognizedClientException"


def test_a_session_follows_its_user_to_another_name(server: Served, account: str) -> None:
    ann = user(server, account, "ann", ECR)
    session = keys_of(server.client("sts", account, keys=ann.keys).get_session_token())
    server.client("iam", account).update_user(UserName="ann", NewUserName="eve")
    me = server.client("sts", account, keys=session).get_caller_identity()
    assert (me["UserId"], me["Arn"]) == (ann.unique_id, f"arn:aws:iam::{account}:user/eve")


def test_the_account_of_any_key_is_told_to_callers_that_may_ask(server: Served, account: str) -> None:
    ann = user(server, account, "ann", allowing("sts:GetAccessKeyInfo", "*"))
    server.client("iam", account).update_access_key(UserName="ann", AccessKeyId=ann.keys[0], Status="Inactive")
    eve = user(server, f"{int(account) ^ 1:012}", "eve", allowing("sts:GetAccessKeyInfo", "*"))
    ask = server.client("sts", account, keys=eve.keys).get_access_key_info
    assert ask(AccessKeyId=ann.keys[0])["Account"] == account
    assert refusal(ask, AccessKeyId="AKIA" + "A" * 16) == (400, "ValidationError", "Invalid access key id")
    bob = user(server, account, "bob")
    assert error_code(server.client("sts", account, keys=bob.keys).get_access_key_info, AccessKeyId="A" * 16) == (
        "AccessDenied"
    )


@pytest.mark.parametrize("members", [{"SerialNumber": "arn:aws:iam::111122223333:mfa/a"}, {"TokenCode": "123456"}])
def test_second_factors_are_refused_and_not_believed(server: Served, account: str, members: dict[str, str]) -> None:
    assert error_code(server.client("sts", account).get_session_token, **members) == "UnsupportedOperation"


def test_resource_policies_may_name_a_federated_user_and_the_user_that_it_stands_for(
    server: Served, account: str
) -> None:
    ecr = server.client("ecr", account)
    ecr.create_repository(**CREATE)
    ann = user(server, account, "ann", document(FEDERATE))
    guest = keys_of(server.client("sts", account, keys=ann.keys).get_federation_token(Name="guest"))
    listing = server.client("ecr", account, keys=guest).list_images
    federated = f"arn:aws:sts::{account}:federated-user/guest"
    for arn, allowed in ((federated, True), (ann.arn, False)):
        policy = document({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "ecr:ListImages"})
        ecr.set_repository_policy(**CREATE, policyText=policy)
        if allowed:
            assert listing(**CREATE)["imageIds"] == []
        else:
            # A policy that names the user lets session policies limit the session, and this one has none that allow.
            assert "because no session policy allows" in refusal(listing, **CREATE)[2]
