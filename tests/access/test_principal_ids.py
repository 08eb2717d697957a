"""A policy means the principal that it named: a user or role that is deleted and made again is another one."""

import json
import urllib.parse
from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, allowing, keys_of, refusal, trusting
from tests.served import Served

PULL = "ecr:BatchGetImage"


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — as above
    client = server.client("ecr", account)
    client.create_repository(repositoryName="team/api")
    return client


def naming(name: str, action: str, **members: object) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": name}, "Action": action, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def named_in(document: dict[str, Any]) -> str:
    (statement,) = document["Statement"]
    name: str = statement["Principal"]["AWS"]
    return name


def forget(iam: Any, name: str) -> None:  # noqa: ANN401 — as above
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_user(UserName=name)


def pull(server: Served, account: str, keys: tuple[str, str, str | None]) -> Any:  # noqa: ANN401 — as above
    client = server.client("ecr", account, keys=keys)
    return client.batch_get_image(repositoryName="team/api", imageIds=[{"imageTag": "1"}])


def test_a_trust_document_shows_the_arn_and_of_a_deleted_user_the_unique_id(iam: Any) -> None:  # noqa: ANN401
    user = iam.create_user(UserName="alice")["User"]
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=naming(user["Arn"], "sts:AssumeRole"))
    assert named_in(iam.get_role(RoleName="build")["Role"]["AssumeRolePolicyDocument"]) == user["Arn"]
    iam.update_role(RoleName="build", Description="read and written back")
    forget(iam, "alice")
    (listed,) = iam.list_roles()["Roles"]
    assert named_in(listed["AssumeRolePolicyDocument"]) == user["UserId"]


def test_a_renamed_user_is_still_the_one_who_is_trusted(iam: Any) -> None:  # noqa: ANN401 — as above
    user = iam.create_user(UserName="alice")["User"]
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=naming(user["Arn"], "sts:AssumeRole"))
    iam.update_user(UserName="alice", NewUserName="alicia")
    document = iam.get_role(RoleName="build")["Role"]["AssumeRolePolicyDocument"]
    assert named_in(document) == user["Arn"].replace("alice", "alicia")


def test_a_user_made_again_may_not_assume_the_role(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    old = keys_of(iam, "alice")
    arn = f"arn:aws:iam::{account}:user/alice"
    role = iam.create_role(RoleName="build", AssumeRolePolicyDocument=naming(arn, "sts:AssumeRole"))["Role"]
    wish = {"RoleArn": role["Arn"], "RoleSessionName": "one"}
    assert server.client("sts", account, keys=old).assume_role(**wish)["Credentials"]
    forget(iam, "alice")
    new = keys_of(iam, "alice")
    _, code, _ = refusal(server.client("sts", account, keys=new).assume_role, **wish)
    assert code == "AccessDenied"


def test_a_user_made_again_may_not_pull(server: Served, iam: Any, ecr: Any, account: str) -> None:  # noqa: ANN401
    old = keys_of(iam, "alice")
    arn = f"arn:aws:iam::{account}:user/alice"
    text = ecr.set_repository_policy(repositoryName="team/api", policyText=naming(arn, PULL))["policyText"]
    assert named_in(json.loads(text)) == arn
    assert pull(server, account, old)["failures"]
    user_id = iam.get_user(UserName="alice")["User"]["UserId"]
    forget(iam, "alice")
    new = keys_of(iam, "alice")
    assert refusal(pull, server=server, account=account, keys=new)[1] == "AccessDeniedException"
    assert named_in(json.loads(ecr.get_repository_policy(repositoryName="team/api")["policyText"])) == user_id


def test_a_session_of_a_role_made_again_is_a_stranger(server: Served, iam: Any, ecr: Any, account: str) -> None:  # noqa: ANN401
    def credentials() -> tuple[str, str, str]:
        iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
        key = server.client("sts", account).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/build", RoleSessionName="one"
        )["Credentials"]
        return key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]

    first = credentials()
    session = f"arn:aws:sts::{account}:assumed-role/build/one"
    text = ecr.set_repository_policy(repositoryName="team/api", policyText=naming(session, PULL))["policyText"]
    assert named_in(json.loads(text)) == session
    assert pull(server, account, first)["failures"]
    iam.delete_role(RoleName="build")
    assert refusal(pull, server=server, account=account, keys=credentials())[1] == "AccessDeniedException"


def test_who_does_not_exist_is_refused_in_iams_words(iam: Any, account: str) -> None:  # noqa: ANN401 — as above
    arn = f"arn:aws:iam::{account}:role/nobody"
    words = (400, "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"')
    assert refusal(iam.create_role, RoleName="r", AssumeRolePolicyDocument=naming(arn, "sts:AssumeRole")) == words
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(account))
    changed = {"RoleName": "r", "PolicyDocument": naming(arn, "sts:AssumeRole")}
    assert refusal(iam.update_assume_role_policy, **changed) == words


@pytest.mark.parametrize("name", ["user/nobody", "role/nobody", "user/path/alice"])
def test_who_does_not_exist_is_refused_in_ecrs_words(iam: Any, ecr: Any, account: str, name: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="alice")
    text = naming(f"arn:aws:iam::{account}:{name}", PULL)
    assert refusal(ecr.set_repository_policy, repositoryName="team/api", policyText=text) == (
        400,
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'",
    )


def test_the_id_of_a_deleted_principal_is_not_taken_again(iam: Any, ecr: Any) -> None:  # noqa: ANN401 — as above
    user_id = iam.create_user(UserName="alice")["User"]["UserId"]
    forget(iam, "alice")
    text = naming(user_id, "ecr:ReplicateImage", Resource="arn:aws:ecr:*:*:repository/*")
    _, code, message = refusal(ecr.put_registry_policy, policyText=text)
    assert (code, "Principal not found" in message) == ("InvalidParameterException", True)


def test_a_denial_of_everybody_else_needs_account_and_user(server: Served, iam: Any, ecr: Any, account: str) -> None:  # noqa: ANN401
    alice, bob = keys_of(iam, "alice", ALLOW_ALL), keys_of(iam, "bob", allowing(PULL, "*"))
    names = [f"arn:aws:iam::{account}:root", f"arn:aws:iam::{account}:user/alice"]
    statement = {"Effect": "Deny", "NotPrincipal": {"AWS": names}, "Action": PULL}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.set_repository_policy(repositoryName="team/api", policyText=text, force=True)
    assert pull(server, account, alice)["failures"]
    assert refusal(pull, server=server, account=account, keys=bob)[1] == "AccessDeniedException"


def test_documents_come_back_percent_encoded_as_before(iam: Any) -> None:  # noqa: ANN401 — as above
    raw: list[bytes] = []
    iam.meta.events.register("after-call.iam", lambda http_response, **_: raw.append(http_response.content))
    user = iam.create_user(UserName="alice")["User"]
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=naming(user["Arn"], "sts:AssumeRole"))
    iam.get_role(RoleName="build")
    assert urllib.parse.quote(user["Arn"], safe="").encode() in raw[-1]
