"""boto3 as developers use it: identities with just enough permission, sessions, forged requests, statuses, paging."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.journeys import replication
from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE, Owner, boto
from tests.journeys.images import small
from tests.journeys.registry import Registry
from tests.journeys.replication import ROLE, TO_BOTH
from tests.waiting import PATIENCE_SECONDS

IMAGE = small()
REPOSITORY = "team/api"
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


@dataclass(frozen=True, slots=True)
class Key:
    """The credentials of a user or of a session."""

    id: str
    secret: str
    session: str | None = None

    def client(self, owner: Owner, service: str) -> Any:  # noqa: ANN401 — boto3's clients have no types
        return boto(owner.server, service, owner.region, key=self.id, secret=self.secret, session=self.session)

    def registry(self, owner: Owner) -> Registry:
        """The owner's registry, entered with a password that this key fetched."""
        token = self.client(owner, "ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return Registry.with_token(owner, token)


@pytest.fixture
def pushed(source: Owner) -> None:
    """One image in the source's registry."""
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    assert Registry.of(source).push(REPOSITORY, "1.4", IMAGE) == 201


@pytest.mark.usefixtures("pushed")
def test_a_user_who_may_only_log_in_pulls_nothing(source: Owner) -> None:
    registry = user(source, "ecr:GetAuthorizationToken").registry(source)
    assert registry.ask("GET", f"{REPOSITORY}/manifests/1.4").status == 403


@pytest.mark.usefixtures("pushed")
def test_the_least_privilege_that_pulls_is_enough(source: Owner) -> None:
    registry = user(source, "ecr:GetAuthorizationToken", *PULL).registry(source)
    assert registry.has(REPOSITORY, IMAGE)


@pytest.mark.usefixtures("pushed")
def test_the_privilege_to_pull_does_not_push(source: Owner) -> None:
    registry = user(source, "ecr:GetAuthorizationToken", *PULL).registry(source)
    assert registry.put_manifest(REPOSITORY, "1.5", IMAGE) == 403


@pytest.mark.usefixtures("pushed")
def test_a_permission_that_is_taken_away_counts_at_once(source: Owner) -> None:
    registry = user(source, "ecr:GetAuthorizationToken", *PULL).registry(source)
    source.boto("iam").delete_user_policy(UserName="reader", PolicyName="allowed")
    assert registry.ask("GET", f"{REPOSITORY}/manifests/1.4").status == 403


@pytest.mark.usefixtures("pushed")
def test_a_password_ends_with_the_key_that_fetched_it(source: Owner) -> None:
    key = user(source, "ecr:GetAuthorizationToken", *PULL)
    registry = key.registry(source)
    source.boto("iam").update_access_key(UserName="reader", AccessKeyId=key.id, Status="Inactive")
    said = registry.ask("GET", f"{REPOSITORY}/manifests/1.4")
    assert said.status == 403
    assert b"Your authorization token is invalid" in said.body


@pytest.mark.usefixtures("pushed")
def test_a_session_of_a_role_has_the_permissions_of_the_role(source: Owner) -> None:
    session = assume(user(source, "sts:AssumeRole"), source, role(source, "ecr:DescribeRepositories"))
    ecr = session.client(source, "ecr")
    assert ecr.describe_repositories()["repositories"][0]["repositoryName"] == REPOSITORY
    assert refused(lambda: ecr.delete_repository(repositoryName=REPOSITORY, force=True)) == "AccessDeniedException"


def test_a_session_says_who_it_is(source: Owner) -> None:
    session = assume(user(source, "sts:AssumeRole"), source, role(source, "ecr:DescribeRepositories"))
    identity = session.client(source, "sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{SOURCE}:assumed-role/deployer/test"


def test_no_caller_assumes_the_role_that_replicates(source: Owner) -> None:
    replication.configure(source, TO_BOTH)
    arn = source.boto("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
    key = user(source, "sts:AssumeRole")
    assert refused(lambda: assume(key, source, arn)) == "AccessDenied"


def test_a_wrong_secret_is_refused(source: Owner) -> None:
    ecr = boto(source.server, "ecr", HOME, key=SOURCE, secret="guess")
    assert refused(ecr.describe_repositories) == "InvalidSignatureException"


def test_an_unknown_key_is_refused(source: Owner) -> None:
    ecr = boto(source.server, "ecr", HOME, key="AKIAIOSFODNN7EXAMPLE", secret="test")
    assert refused(ecr.describe_repositories) == "UnrecognizedClientException"


@pytest.mark.usefixtures("pushed")
def test_an_address_that_was_signed_serves_its_layer_without_a_password(source: Owner) -> None:
    assert fetch(signed_address(source)) == (200, IMAGE.layers[0].content)


@pytest.mark.usefixtures("pushed")
def test_an_address_whose_digest_was_changed_is_refused(source: Owner) -> None:
    forged = signed_address(source).replace(IMAGE.layers[0].digest.split(":")[1], IMAGE.layers[1].digest.split(":")[1])
    assert fetch(forged)[0] in {400, 401, 403}


def test_statuses_name_every_destination(source: Owner, other: Owner, source_away: Owner) -> None:
    replication.allow_replication(other, SOURCE)
    replication.configure(source, TO_BOTH)
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    Registry.of(source).push(REPOSITORY, "1.4", IMAGE)
    replication.wait_for_copies(source, REPOSITORY, {"imageDigest": IMAGE.manifest.digest}, source_away, other)
    assert Registry.of(other).has(REPOSITORY, IMAGE)


def test_an_image_that_no_rule_selects_owes_nothing(source: Owner) -> None:
    replication.configure(source, TO_BOTH)
    source.boto("ecr").create_repository(repositoryName="alone")
    Registry.of(source).push("alone", "1.4", IMAGE)
    assert replication.statuses(source, "alone", {"imageTag": "1.4"}) == {}


def test_a_copy_is_not_copied_on(source: Owner, other: Owner, source_away: Owner) -> None:
    replication.configure(source, to(SOURCE, AWAY))
    replication.configure(source_away, to(OTHER, AWAY))
    replication.allow_replication(other, SOURCE)
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    Registry.of(source).push(REPOSITORY, "1.4", IMAGE)
    replication.wait_for_copies(source, REPOSITORY, {"imageTag": "1.4"}, source_away)
    assert replication.statuses(source_away, REPOSITORY, {"imageTag": "1.4"}) == {}


def test_pages_hold_every_repository_once(source: Owner) -> None:
    ecr = source.boto("ecr")
    names = [f"team/{number:02}" for number in range(25)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 10}))
    assert [len(page["repositories"]) for page in pages] == [10, 10, 5]
    assert sorted(found["repositoryName"] for page in pages for found in page["repositories"]) == names


def user(owner: Owner, *actions: str) -> Key:
    """Create a user who may do these things and nothing else, and an access key for them."""
    iam = owner.boto("iam")
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="allowed", PolicyDocument=allow(*actions))
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    return Key(made["AccessKeyId"], made["SecretAccessKey"])


def role(owner: Owner, *actions: str) -> str:
    """Create a role that may do these things and that its account may assume, and return its ARN."""
    iam = owner.boto("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{owner.account}:root"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=document(trust))["Role"]
    iam.put_role_policy(RoleName="deployer", PolicyName="allowed", PolicyDocument=allow(*actions))
    arn: str = made["Arn"]
    return arn


def assume(key: Key, owner: Owner, arn: str) -> Key:
    made = key.client(owner, "sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return Key(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


def allow(*actions: str) -> str:
    return document({"Effect": "Allow", "Action": list(actions), "Resource": "*"})


def document(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def to(account: str, region: str) -> dict[str, object]:
    return {"rules": [{"destinations": [{"region": region, "registryId": account}]}]}


def signed_address(owner: Owner) -> str:
    answer = owner.boto("ecr").get_download_url_for_layer(repositoryName=REPOSITORY, layerDigest=IMAGE.layers[0].digest)
    address: str = answer["downloadUrl"]
    return address


def fetch(address: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def refused(ask: Any) -> str:  # noqa: ANN401 — a call of boto3 has no types
    """Ask for what must be refused, and return the error's code."""
    with pytest.raises(ClientError) as refusal:
        ask()
    code: str = refusal.value.response["Error"]["Code"]
    return code
