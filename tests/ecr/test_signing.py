"""Managed signing by boto3: rules are stored, and an image that they match is told to be unsigned."""

from typing import Any

import pytest

from tests.ecr.pushing import OCI_MANIFEST, digest_of, manifest, push, push_layer
from tests.served import Served, new_account

CONFIG = b"{}"
IMAGE = manifest(CONFIG)


def profile(name: str) -> str:
    return f"arn:aws:signer:eu-west-1:111122223333:/signing-profiles/{name}"


def rule(name: str, *filters: str) -> dict[str, object]:
    named = [{"filter": each, "filterType": "WILDCARD_MATCH"} for each in filters]
    return {"signingProfileArn": profile(name)} | ({"repositoryFilters": named} if named else {})


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    client = server.client("ecr", account)
    client.create_repository(repositoryName="team/api")
    push_layer(client, "team/api", CONFIG)
    return client


def put(ecr: Any, *rules: dict[str, object]) -> Any:  # noqa: ANN401 — as above
    return ecr.put_signing_configuration(signingConfiguration={"rules": list(rules)})


def statuses(ecr: Any, **image: str) -> list[dict[str, str]]:  # noqa: ANN401 — as above
    return list(ecr.describe_image_signing_status(repositoryName="team/api", imageId=image)["signingStatuses"])


def profiles(ecr: Any, **image: str) -> list[str]:  # noqa: ANN401 — as above
    return [each["signingProfileArn"] for each in statuses(ecr, **image)]


@pytest.mark.honors(
    "PutSigningConfiguration.signingConfiguration.rules[].signingProfileArn",
    "PutSigningConfiguration.signingConfiguration.rules[].repositoryFilters[].filter",
    "PutSigningConfiguration.signingConfiguration.rules[].repositoryFilters[].filterType",
    "GetSigningConfiguration.SigningConfigurationNotFoundException",
    "DeleteSigningConfiguration.SigningConfigurationNotFoundException",
)
def test_rules_are_stored_shown_and_deleted_whole(ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    rules = [rule("one", "team/*", "*prod*"), rule("two")]
    assert put(ecr, *rules)["signingConfiguration"] == {"rules": rules}
    for answer in (ecr.get_signing_configuration(), ecr.delete_signing_configuration()):
        assert (answer["registryId"], answer["signingConfiguration"]) == (account, {"rules": rules})
    for operation in (ecr.get_signing_configuration, ecr.delete_signing_configuration):
        with pytest.raises(ecr.exceptions.SigningConfigurationNotFoundException, match=account):
            operation()


def test_no_rules_are_a_configuration_too(ecr: Any) -> None:  # noqa: ANN401 — as above
    put(ecr)
    assert ecr.get_signing_configuration()["signingConfiguration"] == {"rules": []}


def test_rules_are_those_of_one_registry(server: Served, ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    put(ecr, rule("one"))
    for other in (server.client("ecr", account, "us-east-1"), server.client("ecr", new_account())):
        with pytest.raises(other.exceptions.SigningConfigurationNotFoundException):
            other.get_signing_configuration()


@pytest.mark.parametrize(
    "wrong",
    [
        {"signingProfileArn": "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/x"},
        {"signingProfileArn": "my_profile"},
        rule("one", "Team/*"),
    ],
)
def test_a_rule_outside_the_models_constraints_is_refused(ecr: Any, wrong: dict[str, object]) -> None:  # noqa: ANN401 — as above
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        put(ecr, wrong)
    with pytest.raises(ecr.exceptions.SigningConfigurationNotFoundException):
        ecr.get_signing_configuration()


def test_an_image_pushed_under_rules_failed_once_for_each_profile_and_says_why(ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    put(ecr, rule("one", "team/*"), rule("two"), rule("one"), rule("three", "other/*"))
    digest = push(ecr, "team/api", IMAGE, "1")
    answer = ecr.describe_image_signing_status(repositoryName="team/api", imageId={"imageTag": "1"})
    assert answer["registryId"] == account
    assert answer["imageId"] == {"imageDigest": digest, "imageTag": "1"}
    assert profiles(ecr, imageDigest=digest) == [profile("one"), profile("two")]
    for each in answer["signingStatuses"]:
        assert each["status"] == "FAILED"
        assert each["failureCode"] == "SIGNING_NOT_SUPPORTED"
        assert "no AWS Signer" in each["failureReason"]


def test_an_image_pushed_before_the_rule_was_not_to_be_signed_by_it(ecr: Any) -> None:  # noqa: ANN401 — as above
    put(ecr, rule("one"))
    digest = push(ecr, "team/api", IMAGE)
    put(ecr, rule("one"), rule("two"))
    assert profiles(ecr, imageDigest=digest) == [profile("one")]
    put(ecr, rule("two"))
    assert profiles(ecr, imageDigest=digest) == []


def test_an_artifact_about_an_image_is_not_signed(ecr: Any) -> None:  # noqa: ANN401 — as above
    put(ecr, rule("one"))
    subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(IMAGE.encode()), "size": len(IMAGE)}
    digest = push(ecr, "team/api", manifest(CONFIG, subject=subject, artifactType="application/vnd.sbom"))
    assert profiles(ecr, imageDigest=digest) == []


def test_the_status_of_an_image_that_is_not_there_is_refused(ecr: Any) -> None:  # noqa: ANN401 — as above
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        statuses(ecr, imageTag="nothing")
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_image_signing_status(repositoryName="team/nothing", imageId={"imageTag": "1"})
