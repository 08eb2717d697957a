"""A real server on a real PostgreSQL, driven by the AWS SDK."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.served import Served, start
from tests.waiting import PATIENCE_SECONDS

ACCOUNT, TYPE = "111122223333", "application/vnd.oci.image.manifest.v1+json"


def test_an_image_is_pushed_carried_and_there_after_a_restart(tmp_path: Path, postgres_address: str) -> None:
    served = start(tmp_path / "data", TWINPORT_DATABASE=postgres_address)
    ecr = served.client("ecr", ACCOUNT)
    rule = {"destinations": [{"region": "us-east-1", "registryId": ACCOUNT}]}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    ecr.create_repository(repositoryName="team/api")
    digest = push(ecr)
    until(lambda: status(ecr, digest) == "COMPLETE")
    assert role_exists(served)
    assert served.stop() == 0
    assert list((tmp_path / "data").rglob("*.db")) == []

    served = start(tmp_path / "data", TWINPORT_DATABASE=postgres_address)
    for region in ("eu-west-1", "us-east-1"):
        images = served.client("ecr", ACCOUNT, region).describe_images(repositoryName="team/api")["imageDetails"]
        assert [(each["imageDigest"], each["imageTags"]) for each in images] == [(digest, ["1.4"])]
    assert served.stop() == 0


def test_a_database_that_is_not_there_is_explained_without_its_password(tmp_path: Path) -> None:
    address = "postgresql://ann:marked-secret@127.0.0.1:1/twinport"
    with pytest.raises(AssertionError, match="ended with 4") as ended:
        start(tmp_path / "data", TWINPORT_DATABASE=address)
    assert "marked-secret" not in str(ended.value)


def test_a_host_with_a_sealing_key_of_its_own_is_refused_when_it_starts(tmp_path: Path, postgres_address: str) -> None:
    first = start(tmp_path / "one", TWINPORT_DATABASE=postgres_address)
    for workers in ("1", "2"):
        with pytest.raises(AssertionError, match=r"ended with 2: (?s:.*)sealing\.key"):
            start(tmp_path / "another", TWINPORT_DATABASE=postgres_address, TWINPORT_WORKERS=workers)
    assert first.stop() == 0


def push(ecr: Any) -> str:  # noqa: ANN401 — boto3 makes its clients at run time
    parts = [layer(ecr, b"{}"), layer(ecr, b"layer")]
    config, blob = ({"digest": digest, "size": size, "mediaType": "application/x"} for digest, size in parts)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": TYPE, "config": config, "layers": [blob]})
    ecr.put_image(repositoryName="team/api", imageManifest=manifest, imageTag="1.4")
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def layer(ecr: Any, content: bytes) -> tuple[str, int]:  # noqa: ANN401 — as above
    upload = ecr.initiate_layer_upload(repositoryName="team/api")["uploadId"]
    part = {"repositoryName": "team/api", "uploadId": upload, "partFirstByte": 0, "partLastByte": len(content) - 1}
    ecr.upload_layer_part(**part, layerPartBlob=content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    ecr.complete_layer_upload(repositoryName="team/api", uploadId=upload, layerDigests=[digest])
    return digest, len(content)


def status(ecr: Any, digest: str) -> str:  # noqa: ANN401 — as above
    answer = ecr.describe_image_replication_status(repositoryName="team/api", imageId={"imageDigest": digest})
    return str(answer["replicationStatuses"][0]["status"])


def role_exists(served: Served) -> bool:
    role = served.client("iam", ACCOUNT).get_role(RoleName="AWSServiceRoleForECRReplication")["Role"]
    return bool(role["Path"] == "/aws-service-role/replication.ecr.amazonaws.com/")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
