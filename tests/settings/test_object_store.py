"""The settings of the object store: what belongs together, and what is never shown."""

from pathlib import Path

import pytest

from twinport.errors import ConfigurationWrong
from twinport.settings.loading import Settings, load
from twinport.settings.storage import EncryptionAtRest, Location, Pulls, StoreEncryption

STORE = {
    "TWINPORT_OBJECT_STORE": "s3://layers/production",
    "TWINPORT_OBJECT_STORE_KEY": "AKIDEXAMPLE",
    "TWINPORT_OBJECT_STORE_SECRET": "marked-secret",
}


def loaded(**more: str) -> Settings:
    return load(None, {**STORE, **{f"TWINPORT_{name.upper()}": word for name, word in more.items()}}, {})


def problem_of(environment: dict[str, str]) -> str:
    with pytest.raises(ConfigurationWrong) as met:
        load(None, environment, {})
    assert "marked-secret" not in met.value.message
    return met.value.message


def test_without_an_object_store_blobs_are_files() -> None:
    assert Settings().object_store is None


def test_a_bucket_and_a_prefix_are_named_and_the_secret_is_never_shown() -> None:
    settings = loaded()
    assert settings.object_store == Location("layers", "production")
    assert settings.store_secret == "marked-secret"
    assert "marked-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("s3://layers", Location("layers", "")),
        ("s3://layers/", Location("layers", "")),
        ("s3://a.b-c/x/y_z.1/", Location("a.b-c", "x/y_z.1")),
    ],
)
def test_a_prefix_may_be_left_out(text: str, location: Location) -> None:
    assert loaded(object_store=text).object_store == location


@pytest.mark.parametrize(
    "text",
    [
        "layers",
        "s3://",
        "s3://Layers",
        "s3://layers//x",
        "s3://layers/../x",
        "s3://layers/a b",
        "s3://layers/%41",
        "gs://layers",
    ],
)
def test_a_place_whose_spelling_could_differ_is_refused(text: str) -> None:
    assert "'object_store' (environment): s3://BUCKET" in problem_of({**STORE, "TWINPORT_OBJECT_STORE": text})


def test_the_store_is_amazon_s_of_the_region_unless_another_is_named() -> None:
    assert loaded(object_store_region="eu-west-1").store_endpoint == "https://s3.eu-west-1.amazonaws.com"
    assert loaded(object_store_endpoint="http://127.0.0.1:9000").store_endpoint == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    "text", ["store.example", "https://store.example/path", "https://ann@store.example", "https://"]
)
def test_an_endpoint_is_an_address_without_a_path(text: str) -> None:
    assert "'object_store_endpoint' (environment)" in problem_of({**STORE, "TWINPORT_OBJECT_STORE_ENDPOINT": text})


def test_the_secret_may_be_in_a_file(tmp_path: Path) -> None:
    held = tmp_path / "secret"
    held.write_text("marked-secret\n")
    environment = {name: word for name, word in STORE.items() if not name.endswith("_SECRET")}
    assert (
        load(None, {**environment, "TWINPORT_OBJECT_STORE_SECRET_FILE": str(held)}, {}).store_secret == "marked-secret"
    )
    assert "needs 'object_store_key', and one of" in problem_of(
        {**STORE, "TWINPORT_OBJECT_STORE_SECRET_FILE": str(held)}
    )


@pytest.mark.parametrize("name", ["TWINPORT_OBJECT_STORE_KEY", "TWINPORT_OBJECT_STORE_SECRET"])
def test_a_store_needs_a_key_and_its_secret(name: str) -> None:
    environment = {each: word for each, word in STORE.items() if each != name}
    assert "'object_store' needs 'object_store_key', and one of" in problem_of(environment)


def test_settings_of_a_store_without_one_are_refused() -> None:
    said = problem_of({"TWINPORT_OBJECT_STORE_REGION": "eu-west-1"})
    assert "'object_store_region' needs 'object_store'" in said
    assert "the blobs are files" in problem_of({"TWINPORT_ENCRYPTION_AT_REST": "store"})


def test_encryption_by_the_store_says_with_what() -> None:
    settings = loaded(
        object_store_encryption="aws:kms", object_store_kms_key="alias/layers", encryption_at_rest="store"
    )
    assert settings.object_store_encryption is StoreEncryption.KMS
    assert settings.encryption_at_rest is EncryptionAtRest.STORE
    assert settings.encryption_at_rest.takes_keys
    assert "say by 'object_store_encryption'" in problem_of({**STORE, "TWINPORT_ENCRYPTION_AT_REST": "store"})
    assert "needs 'object_store_encryption' to be 'aws:kms'" in problem_of(
        {**STORE, "TWINPORT_OBJECT_STORE_KMS_KEY": "k", "TWINPORT_OBJECT_STORE_ENCRYPTION": "AES256"}
    )


def test_clients_are_not_sent_to_the_console_s_host() -> None:
    redirected = {**STORE, "TWINPORT_OBJECT_STORE_PULLS": "redirected", "TWINPORT_PUBLIC_URL": "https://ecr.example"}
    for name in ("TWINPORT_OBJECT_STORE_ENDPOINT", "TWINPORT_OBJECT_STORE_PUBLIC_ENDPOINT"):
        assert "must come from another host" in problem_of({**redirected, name: "https://ecr.example:9000"})
        assert load(None, {**redirected, name: "https://s3.example"}, {}).object_store_pulls is Pulls.REDIRECTED
