"""Account settings by boto3, each with its effect."""

import base64
import json
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.ecr.pushing import push_layer
from tests.served import Served, new_account, start
from tests.waiting import PATIENCE_SECONDS

LAYER = b"a layer that two repositories share"


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    return server.client("ecr", account)


def value(ecr: Any, name: str) -> str:  # noqa: ANN401 — as above
    answer = ecr.get_account_setting(name=name)
    assert answer["name"] == name
    return str(answer["value"])


def test_each_setting_has_its_default(ecr: Any) -> None:  # noqa: ANN401 — as above
    names = ("BASIC_SCAN_TYPE_VERSION", "REGISTRY_POLICY_SCOPE", "BLOB_MOUNTING")
    assert [value(ecr, name) for name in names] == ["AWS_NATIVE", "V2", "ENABLED"]


@pytest.mark.honors("GetAccountSetting.name", "PutAccountSetting.name", "PutAccountSetting.value")
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"),
        ("REGISTRY_POLICY_SCOPE", "V1"),
        ("REGISTRY_POLICY_SCOPE", "V2"),
        ("BLOB_MOUNTING", "DISABLED"),
        ("BLOB_MOUNTING", "ENABLED"),
    ],
)
def test_a_setting_is_what_was_put_in_this_account_and_region_alone(
    server: Served,
    ecr: Any,  # noqa: ANN401 — as above
    account: str,
    name: str,
    given: str,
) -> None:
    others = (server.client("ecr", account, "us-east-1"), server.client("ecr", new_account()))
    before = [value(each, name) for each in others]
    answer = ecr.put_account_setting(name=name, value=given)
    assert (answer["name"], answer["value"]) == (name, given)
    assert value(ecr, name) == given
    assert [value(each, name) for each in others] == before


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("BASIC_SCAN_TYPE_VERSION", "CLAIR", "AWS_NATIVE"),
        ("REGISTRY_POLICY_SCOPE", "V3", "V1, V2"),
        ("BLOB_MOUNTING", "enabled", "ENABLED, DISABLED"),
        ("OTHER", "V1", "BASIC_SCAN_TYPE_VERSION, REGISTRY_POLICY_SCOPE, BLOB_MOUNTING"),
    ],
)
def test_another_name_or_value_is_refused_with_those_there_are(ecr: Any, name: str, given: str, words: str) -> None:  # noqa: ANN401 — as above
    with pytest.raises(ecr.exceptions.InvalidParameterException, match=words):
        ecr.put_account_setting(name=name, value=given)


def policy(account: str, *actions: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": list(actions),
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_in_scope_v1_a_registry_policy_names_three_actions_alone(ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid registry policy provided"):
        ecr.put_registry_policy(policyText=policy(account, "ecr:CreateRepository", "ecr:DescribeImages"))
    with pytest.raises(ecr.exceptions.RegistryPolicyNotFoundException):
        ecr.get_registry_policy()
    three = policy(account, "ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:createrepository")
    ecr.put_registry_policy(policyText=three)
    ecr.put_registry_policy(policyText=policy(account, "ecr:*"))
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")
    ecr.put_registry_policy(policyText=policy(account, "ecr:DescribeImages"))


def test_in_scope_v1_a_registry_policy_counts_for_three_actions_alone(server: Served, ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    ecr.create_repository(repositoryName="team/api")
    neighbour = new_account()
    ecr.put_registry_policy(policyText=policy(neighbour, "ecr:DescribeRepositories", "ecr:CreateRepository"))
    other = server.client("ecr", neighbour)
    assert other.describe_repositories(registryId=account)["repositories"]
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    with pytest.raises(ClientError, match="no resource-based policy allows"):
        other.describe_repositories(registryId=account)
    other.create_repository(registryId=account, repositoryName="team/web")
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")
    assert len(other.describe_repositories(registryId=account)["repositories"]) == 2


def test_scope_v1_takes_no_denial_out_of_force(ecr: Any) -> None:  # noqa: ANN401 — as above
    ecr.create_repository(repositoryName="team/api")
    everyone = {"Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository", "Resource": "*"}
    ecr.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": [everyone]}))
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    with pytest.raises(ClientError, match="with an explicit deny"):
        ecr.delete_repository(repositoryName="team/api")


def mounts(ecr: Any, source: str, target: str, digest: str) -> bool:  # noqa: ANN401 — as above
    """Tell whether a push may link a layer of `source` into `target`; otherwise an upload begins."""
    (data,) = ecr.get_authorization_token()["authorizationData"]
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    request = urllib.request.Request(
        f"{data['proxyEndpoint']}/v2/{target}/blobs/uploads/?mount={digest}&from={source}",
        method="POST",
        headers={"authorization": f"Basic {data['authorizationToken']}"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status in {201, 202}
        return bool(answer.status == 201)


def test_a_layer_is_mounted_only_while_the_account_lets_it(ecr: Any) -> None:  # noqa: ANN401 — as above
    for name in ("base", "first", "second", "third"):
        ecr.create_repository(repositoryName=name)
    digest = push_layer(ecr, "base", LAYER)
    assert mounts(ecr, "base", "first", digest)
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert not mounts(ecr, "base", "second", digest)
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert mounts(ecr, "base", "third", digest)


def test_a_layer_is_mounted_only_between_repositories_of_the_same_encryption(ecr: Any) -> None:  # noqa: ANN401 — as above
    def make(name: str, key: str) -> None:
        asked = {"encryptionType": "KMS", "kmsKey": key}
        ecr.create_repository(repositoryName=name, encryptionConfiguration=asked)

    make("base", "alias/one")
    make("same", "alias/one")
    make("other", "alias/two")
    ecr.create_repository(repositoryName="plain")
    digest = push_layer(ecr, "base", LAYER)
    assert [mounts(ecr, "base", name, digest) for name in ("same", "other", "plain")] == [True, False, False]


@pytest.mark.large
def test_where_the_deployment_mounts_nothing_an_account_may_still_choose_it(tmp_path_factory: Any) -> None:  # noqa: ANN401 — as above
    served = start(tmp_path_factory.mktemp("mounts") / "data", TWINPORT_DEVIATIONS="no-mounts")
    try:
        ecr = served.client("ecr", new_account())
        for name in ("base", "first", "second"):
            ecr.create_repository(repositoryName=name)
        digest = push_layer(ecr, "base", LAYER)
        assert value(ecr, "BLOB_MOUNTING") == "DISABLED"
        assert not mounts(ecr, "base", "first", digest)
        ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
        assert mounts(ecr, "base", "second", digest)
    finally:
        served.stop()
