"""`twinport replication list`: beside a running server, and without one, on both databases."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import called
from tests.served import Served, start
from tests.waiting import until

ACCOUNT, PARTNER = "111122223333", "444455556666"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "", "size": 2},
        "layers": [],
    }
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on which two tags went to a partner that does not let them in, and to another Region of their own."""
    folder, config = tmp_path_factory.mktemp("listing"), ""
    if request.param == "postgresql":
        config = f'database = "{request.getfixturevalue("postgres").new_address()}"\n'
    (folder / "twinport.toml").write_text(config)
    served = start(folder / "data", words=("--config", str(folder / "twinport.toml")))
    push(served)
    yield served
    served.stop()


def push(served: Served) -> None:
    ecr = served.client("ecr", ACCOUNT)
    destinations = [
        {"region": "us-east-1", "registryId": ACCOUNT},
        {"region": "us-east-1", "registryId": PARTNER},
    ]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": destinations}]})
    ecr.create_repository(repositoryName="team/api")
    manifest = json.loads(MANIFEST)
    manifest["config"]["digest"] = _upload(ecr, b"{}")
    for tag in ("v1", "v2"):
        manifest["annotations"] = {"tag": tag}
        ecr.put_image(repositoryName="team/api", imageTag=tag, imageManifest=json.dumps(manifest))
    until(lambda: len(listed(served, "--state", "all")["deliveries"]) == 4 and not waiting(served))


def _upload(ecr: Any, content: bytes) -> str:  # noqa: ANN401 — boto3 makes its clients at run time
    upload = ecr.initiate_layer_upload(repositoryName="team/api")["uploadId"]
    ecr.upload_layer_part(
        repositoryName="team/api",
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(content) - 1,
        layerPartBlob=content,
    )
    digest = f"sha256:{sha256(content).hexdigest()}"
    ecr.complete_layer_upload(repositoryName="team/api", uploadId=upload, layerDigests=[digest])
    return digest


def words(served: Served) -> tuple[str, ...]:
    config = served.data.parent / "twinport.toml"
    return ("replication", "list", "--data", str(served.data), "--config", str(config))


def listed(served: Served, *options: str) -> dict[str, Any]:
    ended = called(*words(served), "--json", *options)
    assert ended.code == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def waiting(served: Served) -> list[object]:
    found: list[object] = listed(served, "--state", "waiting")["deliveries"]
    return found


def test_what_failed_is_listed_with_its_reason_the_newest_first(served: Served) -> None:
    found = listed(served)["deliveries"]
    assert [each["tag"] for each in found] == ["v2", "v1"]
    assert {(each["state"], each["ecr_state"], each["failure_code"]) for each in found} == {
        ("failed", "FAILED", "DESTINATION_REGISTRY_ACCESS_DENIED")
    }
    assert {each["why"] for each in found} == {"the destination's registry policy does not allow this account"}
    assert {each["destination"] for each in found} == {f"{PARTNER}/us-east-1"}


def test_a_person_reads_image_destination_state_attempts_and_why(served: Served) -> None:
    shown = called(*words(served)).stdout
    for text in (
        "team/api:v2",
        f"{ACCOUNT}/eu-west-1 -> {PARTNER}/us-east-1",
        "failed (FAILED), 1 attempt since ",
        "DESTINATION_REGISTRY_ACCESS_DENIED: the destination's registry policy does not allow this account",
        "next try     none",
    ):
        assert text in shown


def test_all_are_those_that_arrived_too(served: Served) -> None:
    states = [each["ecr_state"] for each in listed(served, "--state", "all")["deliveries"]]
    assert sorted(states) == ["COMPLETE", "COMPLETE", "FAILED", "FAILED"]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--account", ACCOUNT), 2),
        (("--account", PARTNER), 0),
        (("--repository", "team/api"), 2),
        (("--repository", "other"), 0),
        (("--region", "eu-west-1"), 2),
        (("--region", "us-east-1"), 0),
    ],
)
def test_options_narrow_the_list(options: tuple[str, ...], count: int, served: Served) -> None:
    assert len(listed(served, *options)["deliveries"]) == count


def test_a_list_that_is_cut_says_so(served: Served) -> None:
    found = listed(served, "--limit", "1")
    assert ([each["tag"] for each in found["deliveries"]], found["is_whole"]) == (["v2"], False)
    assert "There are more" in called(*words(served), "--limit", "1").stdout
    assert listed(served, "--limit", "2")["is_whole"]


@pytest.mark.parametrize(
    ("options", "code"), [(("--limit", "1001"), 2), (("--region", "mars-1"), 3), (("--account", "5"), 3)]
)
def test_what_is_out_of_bounds_is_refused(options: tuple[str, ...], code: int, served: Served) -> None:
    assert called(*words(served), *options).code == code


def test_it_works_without_a_server(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    (tmp_path / "twinport.toml").write_text("")
    push(served)
    served.stop()
    assert [each["tag"] for each in listed(served)["deliveries"]] == ["v2", "v1"]


def test_a_folder_in_which_nothing_was_begun_stays_empty(tmp_path: Path) -> None:
    ended = called("replication", "list", "--data", str(tmp_path / "data"))
    assert ended.code == 4
    assert not (tmp_path / "data").exists()
