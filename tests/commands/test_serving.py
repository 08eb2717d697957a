"""The process: it starts, says why it cannot, answers, resets, and ends in order."""

import hashlib
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.command_line import called
from tests.ports import free_port
from tests.served import Served, new_account, start
from tests.waiting import PATIENCE_SECONDS

BESIDE = "is a file and not a folder: choose a folder with --data DIR or TWINPORT_DATA, or move the file away"


def get(url: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, method=method, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "twinport", *arguments]
    source = str(Path(__file__).parents[2] / "src")
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        env={"PYTHONPATH": source, **environment},
    )


def test_health_answers_without_credentials(server: Served) -> None:
    assert get(f"{server.url}/_twinport/health")[0] == 200


def test_a_page_of_another_origin_is_refused_everywhere(server: Served) -> None:
    for path in ("/", "/v2/", "/_twinport/reset", "/_twinport/health"):
        assert get(server.url + path, origin="https://evil.example")[0] == 403
    for path in ("/", "/v2/", "/_twinport/reset"):
        assert get(server.url + path, host="evil.example")[0] == 403


def test_a_taken_address_is_explained(server: Served, tmp_path: Path) -> None:
    ended = run("serve", "--data", str(tmp_path), "--listen", f"127.0.0.1:{server.port}")
    assert ended.returncode == 4
    assert "address already in use" in ended.stderr
    assert "--listen" in ended.stderr


def test_a_server_of_the_folder_that_listens_elsewhere_is_not_blamed_for_a_taken_address(server: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = called("serve", "--data", str(server.data), "--listen", f"127.0.0.1:{other.getsockname()[1]}")
    assert ended.code == 4
    assert "stop what uses it" in ended.stderr
    assert server.url not in ended.stderr


def test_a_second_server_on_a_folder_is_told_where_the_first_listens(server: Served) -> None:
    listen = f"127.0.0.1:{server.port}"
    for command in ("serve", "run"):
        ended = called(command, "--data", str(server.data), "--listen", listen)
        assert (ended.code, ended.stdout, len(ended.stderr.splitlines())) == (4, "", 1)
        where = f"a server already runs on the folder '{server.data}' and listens on {server.url}; "
        assert where in ended.stderr
        assert f"end its process {server.process.pid}" in ended.stderr


def test_a_folder_that_holds_other_things_is_told_at_the_start_alone_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "data" / "src").mkdir(parents=True)
    (tmp_path / "data" / "lost+found").mkdir()
    (tmp_path / "data" / "src" / "main.c").write_text("mine")
    for expected in (1, 0):
        served = start(tmp_path / "data")
        served.stop()
        log = tmp_path / "data.log"
        told = [
            each for each in map(json.loads, log.read_text().splitlines()) if each["event"] == "folder.holds_others"
        ]
        log.unlink()
        assert len(told) == expected
        if told:
            assert f"the folder '{tmp_path / 'data'}' already held 1 other name, such as 'src'; " in told[0]["reason"]
    assert (tmp_path / "data" / "src" / "main.c").read_text() == "mine"


@pytest.mark.parametrize("names", [(), ("lost+found",)])
def test_an_empty_folder_and_an_empty_volume_hold_nothing_of_others(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    ended = called("account", "create", "acme", "--data", str(tmp_path))
    assert (ended.code, "already held" in ended.stderr) == (0, False)


def test_every_wrong_setting_is_named_before_anything_opens(tmp_path: Path) -> None:
    file = tmp_path / "twinport.toml"
    file.write_text("listen = 5\ncolor = 'red'\nopen_accounts = 'perhaps'\n")
    ended = run("serve", "--data", str(tmp_path / "data"), "--config", str(file))
    assert ended.returncode == 2
    for word in ("listen", "color", "open_accounts", "twinport.toml"):
        assert word in ended.stderr
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = run("serve", "--data", str(tmp_path / "file" / "data"), "--listen", "127.0.0.1:0")
    assert ended.returncode == 4
    assert ended.stderr == f"twinport: '{tmp_path / 'file'}' {BESIDE}\n"


@pytest.mark.parametrize(
    "command",
    [
        ("serve", "--listen", "127.0.0.1:0"),
        ("run", "--listen", "127.0.0.1:0"),
        ("worker",),
        ("account", "list"),
        ("gc",),
    ],
    ids=" ".join,
)
def test_a_file_in_the_place_of_the_folder_is_called_a_file(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "data").write_text("in the way")
    ended = called(*command, "--data", str(tmp_path / "data"))
    assert (ended.code, ended.stdout) == (4, "")
    assert ended.stderr == f"twinport: '{tmp_path / 'data'}' {BESIDE}\n"
    assert (tmp_path / "data").read_text() == "in the way"


def test_a_folder_that_cannot_be_made_is_not_tried_again() -> None:
    ended = called("serve", "--data", "/proc/twinport/data", "--listen", "127.0.0.1:0")
    assert (ended.code, "try again" in ended.stderr) == (4, False)
    assert "the folder '/proc/twinport/data' cannot be made" in ended.stderr


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:", "127.0.0.1:99999"])
def test_a_bad_address_is_misuse(listen: str, tmp_path: Path) -> None:
    assert run("serve", "--data", str(tmp_path), "--listen", listen).returncode == 2


def test_it_ends_in_order_when_told_to(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    assert served.stop() == 0


def test_reset_is_refused_where_accounts_are_not_open(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="false")
    assert get(f"{served.url}/_twinport/reset", "POST")[0] == 403
    served.stop()


def test_reset_returns_to_an_empty_state(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    assert get(f"{served.url}/_twinport/reset", "POST")[0] == 200
    assert get(f"{served.url}/_twinport/reset")[0] == 405
    served.stop()


def test_reset_takes_rows_and_bytes(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    ecr = served.client("ecr", "111122223333")
    ecr.create_repository(repositoryName="team/api")
    upload = ecr.initiate_layer_upload(repositoryName="team/api")["uploadId"]
    part = {"repositoryName": "team/api", "uploadId": upload, "partFirstByte": 0, "partLastByte": 4}
    ecr.upload_layer_part(**part, layerPartBlob=b"bytes")
    digest = f"sha256:{hashlib.sha256(b'bytes').hexdigest()}"
    ecr.complete_layer_upload(repositoryName="team/api", uploadId=upload, layerDigests=[digest])
    blobs = tmp_path / "data" / "regions" / "eu-west-1" / "blobs"
    assert [file for file in blobs.rglob("*") if file.is_file()] != []
    assert get(f"{served.url}/_twinport/reset", "POST")[0] == 200
    assert ecr.describe_repositories()["repositories"] == []
    assert [file for file in blobs.rglob("*") if file.is_file()] == []
    served.stop()


def test_a_client_of_version_4_meets_rules_for_version_4_at_a_listener_for_both(tmp_path: Path) -> None:
    port = free_port()
    served = start(tmp_path / "data", port, words=("--listen", f"[::]:{port}"), TWINPORT_OPEN_ACCOUNTS="everywhere")
    try:
        allowed, refused = (
            {
                "Effect": effect,
                "Action": action,
                "Resource": "*",
                "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
            }
            for effect, action in (("Allow", "iam:*"), ("Deny", "iam:ListRoles"))
        )
        root = served.client("iam", new_account())
        root.create_user(UserName="local")
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed, refused]})
        root.put_user_policy(UserName="local", PolicyName="here", PolicyDocument=document)
        key = root.create_access_key(UserName="local")["AccessKey"]
        local = served.client("iam", "", keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
        assert local.list_users()["Users"]
        with pytest.raises(ClientError, match="explicit deny"):
            local.list_roles()
    finally:
        served.stop()
