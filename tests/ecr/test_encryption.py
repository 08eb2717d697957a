"""Encryption configurations by boto3, and the setting that says which are taken."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.served import Served, new_account, start
from tests.waiting import until

REGION = "eu-west-1"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    return server.client("ecr", account)


def shown(ecr: Any, name: str) -> dict[str, str]:  # noqa: ANN401 — as above
    (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return dict(repository["encryptionConfiguration"])


@pytest.mark.honors(
    "CreateRepository.encryptionConfiguration.encryptionType",
    "CreateRepository.encryptionConfiguration.kmsKey",
)
@pytest.mark.parametrize("encryption", ["KMS", "KMS_DSSE"])
def test_a_key_is_shown_as_it_was_given_and_by_every_operation(ecr: Any, account: str, encryption: str) -> None:  # noqa: ANN401 — as above
    arn = f"arn:aws:kms:{REGION}:{account}:key/{KEY_ID}"
    asked = {"encryptionType": encryption, "kmsKey": arn}
    made = ecr.create_repository(repositoryName="team/api", encryptionConfiguration=asked)["repository"]
    assert made["encryptionConfiguration"] == asked
    assert shown(ecr, "team/api") == asked
    assert ecr.delete_repository(repositoryName="team/api")["repository"]["encryptionConfiguration"] == asked


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (KEY_ID, f"key/{KEY_ID}"),
        (f"mrk-{'0' * 32}", f"key/mrk-{'0' * 32}"),
        ("alias/images", "alias/images"),
        (None, "alias/aws/ecr"),
    ],
)
def test_a_short_name_of_a_key_is_shown_as_an_arn_of_the_registry(
    ecr: Any,  # noqa: ANN401 — as above
    account: str,
    given: str | None,
    name: str,
) -> None:
    asked = {"encryptionType": "KMS"} | ({} if given is None else {"kmsKey": given})
    ecr.create_repository(repositoryName="team/api", encryptionConfiguration=asked)
    assert shown(ecr, "team/api")["kmsKey"] == f"arn:aws:kms:{REGION}:{account}:{name}"


def test_aes256_is_shown_without_a_key(ecr: Any) -> None:  # noqa: ANN401 — as above
    ecr.create_repository(repositoryName="team/api", encryptionConfiguration={"encryptionType": "AES256"})
    ecr.create_repository(repositoryName="team/web")
    assert shown(ecr, "team/api") == shown(ecr, "team/web") == {"encryptionType": "AES256"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"encryptionType": "AES256", "kmsKey": "alias/x"}, "must be null when encryptionType is AES256"),
        ({"encryptionType": "KMS", "kmsKey": "my key"}, "must be a key id, an alias, or the ARN"),
        ({"encryptionType": "KMS", "kmsKey": f"arn:aws:kms:{REGION}:1:key/{KEY_ID}"}, "must be a key id, an alias"),
        ({"encryptionType": "KMS", "kmsKey": f"arn:aws:kms:us-east-1:111122223333:key/{KEY_ID}"}, "eu-west-1"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_and_makes_no_repository(ecr: Any, asked: object, words: str) -> None:  # noqa: ANN401 — as above
    with pytest.raises(ecr.exceptions.InvalidParameterException, match=words):
        ecr.create_repository(repositoryName="team/api", encryptionConfiguration=asked)
    assert ecr.describe_repositories()["repositories"] == []


def test_the_encryption_of_a_repository_cannot_be_changed(ecr: Any) -> None:  # noqa: ANN401 — as above
    ecr.create_repository(repositoryName="team/api")
    with pytest.raises(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName="team/api", encryptionConfiguration={"encryptionType": "KMS"})
    assert shown(ecr, "team/api") == {"encryptionType": "AES256"}


def events(served: Served) -> Iterator[dict[str, object]]:
    for line in (served.data.parent / f"{served.data.name}.log").read_text().splitlines():
        yield json.loads(line)


def warnings(served: Served) -> list[dict[str, object]]:
    return [each for each in events(served) if each["event"] == "encryption.not_applied"]


@pytest.mark.large
def test_the_default_refuses_keys_names_the_setting_and_warns_of_recorded_ones(tmp_path: Path) -> None:
    account, asked = new_account(), {"encryptionType": "KMS"}
    recording = start(tmp_path / "data")
    try:
        ecr = recording.client("ecr", account)
        for number in range(12):
            ecr.create_repository(repositoryName=f"r{number:02}", encryptionConfiguration=asked)
        ecr.create_repository(repositoryName="plain")
        assert next(events(recording))["encryption_at_rest"] == "record"
    finally:
        recording.stop()
    refusing = start(tmp_path / "data", TWINPORT_ENCRYPTION_AT_REST="")
    try:
        ecr = refusing.client("ecr", account)
        with pytest.raises(ClientError, match="'encryption_at_rest' is 'refuse'") as refused:
            ecr.create_repository(repositoryName="new", encryptionConfiguration=asked)
        assert refused.value.response["Error"]["Code"] == "KmsException"
        assert refused.value.response["kmsError"] == "UnsupportedOperationException"
        assert ecr.create_repository(repositoryName="also-plain")
        until(lambda: warnings(refusing))
        (warned,) = warnings(refusing)
        named = str(warned["repositories"]).split(", ")
        assert named == [
            *(f"arn:aws:ecr:{REGION}:{account}:repository/r{number:02}" for number in range(10)),
            "and more",
        ]
    finally:
        refusing.stop()


@pytest.mark.large
def test_on_an_encrypted_volume_keys_are_taken_and_no_start_warns(tmp_path: Path) -> None:
    for _ in range(2):
        served = start(tmp_path / "data", TWINPORT_ENCRYPTION_AT_REST="volume")
        try:
            name = new_account()
            served.client("ecr", "111122223333").create_repository(
                repositoryName=f"r{name}", encryptionConfiguration={"encryptionType": "KMS_DSSE"}
            )
        finally:
            served.stop()
        assert warnings(served) == []
