"""Nothing that twinport makes in a data folder may be read by another user of the machine, whatever their umask."""

import hashlib
import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.command_line import called
from tests.machine_users import AS_A_STRANGER, file_mask, readable_by_others, require_stranger, shared_folder
from tests.served import Served, start
from tests.shelf import image_of
from tests.waiting import until
from twinport.clock import WallClock
from twinport.commands.certificates import make, names_for
from twinport.files import private_files

ACCOUNT, NAME = "111122223333", "team/api"


@pytest.fixture(params=[0o022, 0o000], ids=["umask 022", "umask 000"])
def _mask(request: pytest.FixtureRequest) -> Iterator[None]:
    with file_mask(request.param):
        yield


def work(served: Served) -> None:
    """Push an image and have it carried to another Region, so that everything there is was made."""
    ecr = served.client("ecr", ACCOUNT)
    rule = {"destinations": [{"region": "us-east-1", "registryId": ACCOUNT}]}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    ecr.create_repository(repositoryName=NAME)
    layer = b"a layer"
    for content in (b"a config", layer):
        begun = ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
        here = {"repositoryName": NAME, "uploadId": begun}
        ecr.upload_layer_part(**here, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content)
        ecr.complete_layer_upload(**here, layerDigests=[f"sha256:{hashlib.sha256(content).hexdigest()}"])
    ecr.put_image(repositoryName=NAME, imageManifest=image_of(b"a config", layer).decode(), imageTag="1")
    image = {"repositoryName": NAME, "imageId": {"imageTag": "1"}}
    until(lambda: ecr.describe_image_replication_status(**image)["replicationStatuses"][0]["status"] == "COMPLETE")


def at_rest(data: Path) -> Path:
    """Make a deployment with an account and the work of `work`, and end its server."""
    assert called("account", "create", "acme", "--data", str(data)).code == 0
    served = start(data)
    try:
        work(served)
    finally:
        served.stop()
    return data


@pytest.mark.usefixtures("_mask")
def test_all_that_servers_and_commands_make_is_their_users_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    served = start(data, TWINPORT_WORKERS="2")
    try:
        work(served)
        for command in (("account", "create", "acme"), ("gc", "--delete"), ("verify",)):
            ended = called(*command, "--data", str(data), TWINPORT_ORPHAN_AGE="1s")
            assert ended.code == 0, ended.stderr
        names = {path.name for path in data.rglob("*")}
        assert {"global.db-wal", "catalog.db-shm", "sealing.key", "owner"} <= names, "the walk meets each kind"
        assert any(stat.S_ISSOCK(path.stat().st_mode) for path in (data / "processes").iterdir())
        assert readable_by_others(data) == {}
    finally:
        served.stop()
    assert readable_by_others(data) == {}


def test_what_an_earlier_version_let_others_read_is_closed_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with file_mask(0o022):
        served = start(data)
        work(served)
        served.stop()
        (data / "events.log").touch()
        for path in (data, *data.rglob("*")):
            if "blobs" not in path.parent.parts or path.name == "owner":
                path.chmod(0o755 if path.is_dir() else 0o644)
        assert readable_by_others(data)
        served = start(data)
    try:
        assert readable_by_others(data) == {}
    finally:
        served.stop()


def test_a_command_that_begins_a_folder_closes_it_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    assert called("account", "create", "acme", "--data", str(data)).code == 0
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [None, "no key"], ids=["to nothing", "to something else"])
def test_a_command_refuses_a_planted_link_and_makes_nothing(tmp_path: Path, content: str | None) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    if content is not None:
        elsewhere.write_text(content)
    (data / "sealing.key").symlink_to(elsewhere)
    refused = called("account", "create", "acme", "--data", str(data))
    assert (refused.code, "sealing.key" in refused.stderr) == (4 if content is None else 2, True), refused.stderr
    assert [each.name for each in data.iterdir()] == ["sealing.key"]


def test_a_folder_that_holds_other_things_too_stays_open_and_what_is_ours_is_closed(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").touch(0o644)
    (tmp_path / "global.db").touch(0o644)
    tmp_path.chmod(0o755)
    private_files.close_folder(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, *tmp_path.iterdir())}
    assert modes == {tmp_path.name: 0o755, "certificate.pem": 0o644, "global.db": 0o600}


def test_what_a_link_leads_to_is_left_alone(tmp_path: Path) -> None:
    elsewhere, data = tmp_path / "elsewhere", tmp_path / "data"
    elsewhere.touch(0o644)
    data.mkdir()
    (data / "global.db").symlink_to(elsewhere)
    private_files.close_folder(data)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644


def test_a_folder_that_cannot_be_closed_is_told_in_one_warning_and_served() -> None:
    require_stranger()
    with shared_folder() as folder:
        data = folder / "data"
        data.mkdir()
        data.chmod(0o777)
        served = start(data, wrapped_in=AS_A_STRANGER)
        served.stop()
        log = [json.loads(line) for line in (folder / "data.log").read_text().splitlines()]
    warned = [each for each in log if each["event"] == "folder.open_to_others"]
    assert [(each["level"], each["path"], each["paths"]) for each in warned] == [("warning", str(data), 1)]


@pytest.mark.usefixtures("_mask")
def test_keys_of_certificates_are_closed_whatever_an_earlier_run_left(tmp_path: Path) -> None:
    (tmp_path / ".key.pem.new").touch(0o644)
    now = WallClock().now()
    files = make(tmp_path, names_for((), (), ()), now)
    files.authority_key.chmod(0o644)
    make(tmp_path, names_for((), (), ()), now)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (files.key, files.authority_key)} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (files.certificate, files.authority)} == {0o644}


def test_a_database_that_is_open_keeps_its_log_while_another_process_comes_and_goes(tmp_path: Path) -> None:
    file = tmp_path / "global.db"
    with closing(sqlite3.connect(file)) as ours:
        ours.execute("PRAGMA journal_mode=WAL")
        ours.execute("CREATE TABLE t (x)")
        for each in tmp_path.iterdir():
            each.chmod(0o644)
        private_files.close_folder(tmp_path)
        assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}
        log = file.with_name("global.db-wal").stat().st_ino
        passing = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM t'); db.close()"
        subprocess.run([sys.executable, "-c", passing, str(file)], check=True)
        assert file.with_name("global.db-wal").stat().st_ino == log
