"""Documents of tenants with every JSON type in every place: each is taken or refused, and none is a defect."""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest

from tests.fuzz.doors import ACCOUNT, MANIFEST, Doors
from tests.fuzz.targets import ECR, unexpected
from tests.fuzz.tokens import TYPES, object_of, one_odd
from twinport.settings.loading import Settings
from twinport.settings.open_accounts import OpenAccounts

pytestmark = pytest.mark.large

STATEMENT = {
    "Sid": '"s"',
    "Effect": '"Allow"',
    "Action": '["ecr:*"]',
    "Resource": '"*"',
    "Condition": '{"StringLike":{"aws:PrincipalTag/a":["x"]}}',
}
SOMEBODY = {"Principal": f'{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}}'}
INSIDE_STATEMENTS = ("NotAction", "NotResource", "NotPrincipal", "Unknown")


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    doors = Doors(Settings(data=tmp_path_factory.mktemp("documents") / "data", open_accounts=OpenAccounts.LOCAL))
    yield doors
    doors.close()


def _odd(usual: Mapping[str, str], more: tuple[str, ...] = ()) -> Iterator[str]:
    return one_odd(usual, more, TYPES)


def _policies(*, has_principal: bool) -> Iterator[str]:
    """Yield policies of which one member is odd: of the document, of its statement, or of its principal."""
    statement = {**STATEMENT, **SOMEBODY} if has_principal else STATEMENT
    document = {"Version": '"2012-10-17"', "Id": '"i"', "Statement": f"[{object_of(statement.items())}]"}
    yield from _odd(document, ("Unknown",))
    for odd in _odd(statement, INSIDE_STATEMENTS):
        yield object_of({**document, "Statement": f"[{odd}]"}.items())
    if has_principal:
        for principal in _odd({"AWS": '"*"'}, ("Service", "Federated", "CanonicalUser", "Unknown")):
            stated = object_of({**statement, "Principal": principal}.items())
            yield object_of({**document, "Statement": f"[{stated}]"}.items())


def _conditions() -> Iterator[str]:
    """Yield policies whose one condition has an odd value."""
    for operator in ("StringLike", "Bool", "NumericLessThan", "DateLessThan", "IpAddress", "BinaryEquals", "Null"):
        for test in _odd({"aws:PrincipalTag/a": '"x"'}):
            stated = object_of({**STATEMENT, "Condition": f'{{"{operator}":{test}}}'}.items())
            yield f'{{"Version":"2012-10-17","Statement":[{stated}]}}'


def test_whatever_the_value_of_a_condition_is_its_policy_is_simulated_or_refused(doors: Doors) -> None:
    asked = {"Action": "SimulateCustomPolicy", "Version": "2010-05-08", "ActionNames.member.1": "ecr:GetImage"}
    for policy in _conditions():
        unexpected(doors.query("iam", urlencode({**asked, "PolicyInputList.member.1": policy}).encode()))


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("SetRepositoryPolicy", {"repositoryName": "team/api"}),
        ("PutRegistryPolicy", {}),
    ],
)
def test_whatever_one_member_of_a_policy_of_ecr_is_it_is_taken_or_refused(
    doors: Doors, operation: str, members: dict[str, str]
) -> None:
    for policy in _policies(has_principal=True):
        body = json.dumps({**members, "policyText": policy}).encode()
        unexpected(doors.json(operation, body))


@pytest.mark.parametrize(
    ("service", "member", "asked"),
    [
        ("iam", "AssumeRolePolicyDocument", {"Action": "CreateRole", "RoleName": "odd"}),
        ("iam", "PolicyDocument", {"Action": "PutUserPolicy", "UserName": "ann", "PolicyName": "p"}),
        ("sts", "Policy", {"Action": "GetFederationToken", "Name": "ann"}),
    ],
)
def test_whatever_one_member_of_a_policy_of_iam_is_it_is_taken_or_refused(
    doors: Doors, service: str, member: str, asked: dict[str, str]
) -> None:
    version = {"iam": "2010-05-08", "sts": "2011-06-15"}[service]
    doors.query("iam", b"Action=CreateUser&Version=2010-05-08&UserName=ann")
    for policy in _policies(has_principal="Assume" in member):
        form = urlencode({"Version": version, **asked, member: policy}).encode()
        unexpected(doors.query(service, form))


@pytest.mark.parametrize("text", ["\\ud800", "\\uDFFF\\ud800", "\\ud800x"])
def test_a_policy_with_half_a_character_is_refused(doors: Doors, text: str) -> None:
    statement = object_of({**STATEMENT, **SOMEBODY, "Sid": f'"{text}"'}.items())
    policy = f'{{"Version":"2012-10-17","Statement":[{statement}]}}'
    answer = doors.json("PutRegistryPolicy", json.dumps({"policyText": policy}).encode())
    assert (answer.status, b"InvalidParameterException" in answer.body) == (400, True)


def _manifests() -> Iterator[str]:
    """Yield manifests of which one member is odd: of an image, of an index, or of a descriptor in either."""
    image = {name: json.dumps(value) for name, value in json.loads(MANIFEST).items()}
    described = {name: json.dumps(value) for name, value in json.loads(MANIFEST)["config"].items()}
    index_type = "application/vnd.oci.image.index.v1+json"
    index = {"schemaVersion": "2", "mediaType": json.dumps(index_type), "manifests": "[]"}
    more = ("subject", "annotations", "artifactType", "fsLayers", "unknown")
    yield from _odd(image, (*more, "manifests"))
    yield from _odd(index, (*more, "config", "layers"))
    for descriptor in _odd(described, ("annotations", "urls", "data", "platform", "artifactType")):
        yield object_of({**image, "config": descriptor}.items())
        yield object_of({**image, "layers": f"[{descriptor}]"}.items())
        yield object_of({**image, "subject": descriptor}.items())
        yield object_of({**index, "manifests": f"[{descriptor}]"}.items())


def test_whatever_one_member_of_a_manifest_is_it_is_taken_or_refused(doors: Doors) -> None:
    for manifest in _manifests():
        unexpected(doors.registry("PUT", "/v2/team/web/manifests/odd", (), (manifest.encode("utf-8", "replace"),)))


def test_whatever_one_member_of_a_request_to_ecr_is_it_is_taken_or_refused(doors: Doors) -> None:
    for operation in ECR.operations.values():
        for body in _odd(dict.fromkeys(operation.input.members, '"team/web"'), ("unknown",)):
            unexpected(doors.json(operation.name, body.encode("utf-8", "replace")))
