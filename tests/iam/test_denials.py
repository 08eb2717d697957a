"""What a denied caller is told: the same, whether or not what it asked about exists, and under whatever path."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests import doors
from tests.fakes import ACCOUNT
from tests.iam.answers import ALLOW_ALL, allowing, keys_of, refusal, trusting
from tests.iam.test_gate import REQUEST, request_of
from tests.served import Served
from twinport.gateway import Gateway

PATH = "/secret/path/"
SEALED = "x-twinport-authorization-message"
TAGS = [{"Key": f"owner-{number}", "Value": "x" * 200} for number in range(20)]


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def stranger(server: Served, account: str, iam: Any) -> Any:  # noqa: ANN401
    """A user without any permission."""
    return server.client("iam", account, keys=keys_of(iam, "stranger"))


def operations() -> list[str]:
    (gateway,) = [door for _, door in doors.built() if isinstance(door, Gateway)]
    (parts,) = [each for each in gateway.services if each.service.name == "iam"]
    return sorted(parts.handlers)


def denials(client: Any, account: str, key_id: str) -> Iterator[tuple[str, str, int]]:  # noqa: ANN401
    """Yield of each operation of IAM what its denial says, and how long its sealed reason is."""
    for name in operations():
        request = _of_account(request_of(name), account)
        if "AccessKeyId" in request:
            request["AccessKeyId"] = key_id
        with pytest.raises(ClientError) as caught:
            getattr(client, xform_name(name))(**request)
        error = caught.value.response["Error"]
        assert (name, error["Code"]) == (name, "AccessDenied")
        sealed = caught.value.response["ResponseMetadata"]["HTTPHeaders"][SEALED]
        yield name, error["Message"].replace(key_id, "KEY"), len(sealed)


def _of_account(request: Mapping[str, Any], account: str) -> dict[str, Any]:
    return {
        name: value.replace(ACCOUNT, account) if isinstance(value, str) else value for name, value in request.items()
    }


def make_all(iam: Any, account: str) -> str:  # noqa: ANN401
    """Make everything that the requests name, hidden under a path, and return the id of the user's key."""
    name = REQUEST
    iam.create_policy(PolicyName=name["PolicyName"], PolicyDocument=ALLOW_ALL, Tags=TAGS)
    iam.create_user(UserName=name["UserName"], Path=PATH, Tags=TAGS)
    iam.create_group(GroupName=name["GroupName"], Path=PATH)
    trust = trusting(account)
    iam.create_role(RoleName=name["RoleName"], Path=PATH, AssumeRolePolicyDocument=trust, Tags=TAGS)
    iam.create_instance_profile(InstanceProfileName=name["InstanceProfileName"], Path=PATH, Tags=TAGS)
    iam.create_login_profile(UserName=name["UserName"], Password=name["Password"])
    iam.create_open_id_connect_provider(Url=name["Url"], ClientIDList=["client"], ThumbprintList=["0" * 40])
    iam.create_service_linked_role(AWSServiceName=name["AWSServiceName"])
    key_id: str = iam.create_access_key(UserName=name["UserName"])["AccessKey"]["AccessKeyId"]
    return key_id


def test_every_denial_is_the_same_whether_or_not_the_target_exists(iam: Any, stranger: Any, account: str) -> None:  # noqa: ANN401
    before = list(denials(stranger, account, REQUEST["AccessKeyId"]))
    key_id = make_all(iam, account)
    assert list(denials(stranger, account, key_id)) == before
    assert len({length for *_, length in before}) == 1


@pytest.mark.parametrize(
    ("operation", "request_", "shown"),
    [
        ("get_user", {"UserName": "alice"}, "user alice"),
        ("list_access_keys", {"UserName": "alice"}, "user alice"),
        ("get_group", {"GroupName": "alice"}, "group alice"),
        ("get_role", {"RoleName": "alice"}, "role alice"),
        ("get_instance_profile", {"InstanceProfileName": "alice"}, "instance profile alice"),
        ("get_policy", {"PolicyArn": "arn:aws:iam::aws:policy/X"}, "policy arn:aws:iam::aws:policy/X"),
        ("create_user", {"UserName": "alice", "Path": "/a/"}, "arn:aws:iam::{account}:user/a/alice"),
        ("get_user", {}, "arn:aws:iam::{account}:user/stranger"),
        (
            "simulate_principal_policy",
            {"PolicySourceArn": "arn:aws:iam::{account}:role/x/alice", "ActionNames": ["ecr:PutImage"]},
            "arn:aws:iam::{account}:role/x/alice",
        ),
    ],
)
def test_a_denial_names_the_target_as_the_request_did(
    stranger: Any,  # noqa: ANN401
    account: str,
    operation: str,
    request_: dict[str, Any],
    shown: str,
) -> None:
    given = {
        name: value.replace("{account}", account) if isinstance(value, str) else value
        for name, value in request_.items()
    }
    _, _, text = refusal(getattr(stranger, operation), **given)
    assert f" on resource: {shown.replace('{account}', account)} because " in text


def test_the_decision_is_about_the_path_that_the_denial_does_not_show(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    for name in ("alice", "bob"):
        iam.create_user(UserName=name, Path=PATH)
    allowed = allowing("iam:GetUser", f"arn:aws:iam::{account}:user{PATH}alice")
    ann = server.client("iam", account, keys=keys_of(iam, "ann", allowed))
    assert ann.get_user(UserName="alice")["User"]["Path"] == PATH
    assert "on resource: user bob " in refusal(ann.get_user, UserName="bob")[2]


@pytest.mark.parametrize("kind", ["user", "group"])
def test_a_renaming_does_not_tell_the_path_that_stays(server: Served, iam: Any, account: str, kind: str) -> None:  # noqa: ANN401
    name = f"{kind.capitalize()}Name"
    getattr(iam, f"create_{kind}")(**{name: "old"}, Path=PATH)
    allowed = allowing(f"iam:Update{kind.capitalize()}", f"arn:aws:iam::{account}:{kind}/*/old")
    ann = server.client("iam", account, keys=keys_of(iam, "ann", allowed))
    rename = getattr(ann, f"update_{kind}")
    new = f"New{name}"
    assert f"on resource: {kind} new " in refusal(rename, **{name: "old", new: "new"})[2]
    arn = f"arn:aws:iam::{account}:{kind}/known/new"
    assert f"on resource: {arn} " in refusal(rename, **{name: "old", new: "new", "NewPath": "/known/"})[2]
