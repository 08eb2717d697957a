"""A sealing key in the settings: a host needs no folder of another, and no key but the right one."""

import re
from pathlib import Path

import pytest

from tests import command_line
from tests.command_line import Ended
from tests.postgres import PostgresServer
from tests.served import start
from twinport.access import sealing

ACCOUNT, NOTE = "111122223333", "catalog.identity"
OLD, NEW, OTHER = (f"{name}:{digits * 32}" for name, digits in (("old", "ab"), ("new", "cd"), ("other", "ef")))
# Nothing is asked of the store before a layer comes.
STORE = {
    "TWINPORT_OBJECT_STORE": "s3://layers",
    "TWINPORT_OBJECT_STORE_ENDPOINT": "http://127.0.0.1:1",
    "TWINPORT_OBJECT_STORE_KEY": "key",
    "TWINPORT_OBJECT_STORE_SECRET": "secret",
}


def called(data: Path, *command: str, **environment: str) -> Ended:
    return command_line.called(*command, "--data", str(data), **environment)


def with_key(*lines: str) -> dict[str, str]:
    return {"TWINPORT_SEALING_KEY": "\n".join(lines)}


def test_a_folder_gets_no_key_of_its_own_and_opens_with_that_of_the_settings_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert called(data, "account", "create", "acme", **with_key(OLD)).code == 0
    assert not (data / sealing.KEY_FILE).exists()
    assert "acme" in called(data, "account", "list", **with_key(OLD)).stdout
    before = {each.name: each.read_bytes() for each in data.iterdir()}
    for lines in ((), (OTHER,), (f"old:{'00' * 32}",)):
        for command in (("account", "create", "second"), ("user", "create", "acme", "ci"), ("worker",), ("serve",)):
            ended = called(data, *command, **(with_key(*lines) if lines else {}))
            assert (ended.code, "begun with the sealing key 'old'" in ended.stderr) == (2, True), ended
    assert {each.name: each.read_bytes() for each in data.iterdir()} == before


def test_a_later_line_opens_what_the_first_does_not_seal(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert called(data, "account", "create", "acme", **with_key(OLD)).code == 0
    for lines in ((OLD, NEW), (NEW, OLD)):
        assert called(data, "account", "create", f"with-{lines[0][:3]}", **with_key(*lines)).code == 0
    ended = called(data, "account", "list", **with_key(NEW))
    assert (ended.code, ended.stdout) == (2, "")
    assert re.search("the sealing key 'old', and this host has 'new'", ended.stderr)


def test_the_key_of_a_folder_may_move_to_the_settings(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert called(data, "account", "create", "acme").code == 0
    line = (data / sealing.KEY_FILE).read_text()
    ended = called(data, "account", "list", **with_key(NEW))
    assert (ended.code, ended.stdout) == (2, "")
    assert f"'sealing_key' lacks the key '{line.partition(':')[0]}', which is in '{data / sealing.KEY_FILE}'" in (
        ended.stderr
    )
    assert "acme" in called(data, "account", "list", **with_key(NEW, line)).stdout
    (data / sealing.KEY_FILE).unlink()
    assert called(data, "user", "create", "acme", "ci", **with_key(line)).code == 0
    assert not (data / sealing.KEY_FILE).exists()


@pytest.mark.parametrize("command", [("worker",), ("account", "list"), ("user", "create", "acme", "ci")], ids=" ".join)
def test_what_joins_needs_a_database_in_which_a_server_began(
    tmp_path: Path, postgres_address: str, command: tuple[str, ...]
) -> None:
    given = {**with_key(OLD), **STORE, "TWINPORT_DATABASE": postgres_address}
    ended = called(tmp_path / "data", *command, **given)
    assert (ended.code, "no server has begun in the database" in ended.stderr) == (4, True)
    assert not (tmp_path / "data").exists()


def test_a_host_with_an_empty_folder_joins_by_the_key_and_by_no_other(tmp_path: Path, postgres_address: str) -> None:
    given = {**STORE, "TWINPORT_DATABASE": postgres_address}
    assert called(tmp_path / "one", "account", "create", "acme", **given, **with_key(OLD)).code == 0
    for command in (("account", "create", "second"), ("worker",), ("serve",), ("account", "list")):
        ended = called(tmp_path / "two", *command, **given, **with_key(OTHER))
        assert ended.code == 2
        assert re.search("the sealing key 'old', and this host has 'other': every host needs the same", ended.stderr)
    assert not (tmp_path / "two").exists()
    assert "acme" in called(tmp_path / "two", "account", "list", **given, **with_key(OLD)).stdout
    assert not (tmp_path / "two").exists(), "what only reads makes nothing"
    assert called(tmp_path / "two", "user", "create", "acme", "ci", **given, **with_key(OLD)).code == 0
    assert (tmp_path / "two" / NOTE).read_text() == (tmp_path / "one" / NOTE).read_text()


def test_a_new_folder_is_refused_while_layers_are_files_of_another(tmp_path: Path, postgres: PostgresServer) -> None:
    address = postgres.new_address()
    given = {**with_key(OLD), "TWINPORT_DATABASE": address}
    served = start(tmp_path / "one", None, None, (), **given)
    served.client("ecr", ACCOUNT).create_repository(repositoryName="team/api")
    assert served.stop() == 0
    for command in (("serve",), ("worker",), ("gc", "--delete")):
        ended = called(tmp_path / "two", *command, **given)
        assert (ended.code, "the layers of this database are files in another folder" in ended.stderr) == (2, True)
    assert not (tmp_path / "two").exists()
    assert called(tmp_path / "one", "gc", **given).code == 0
    postgres.drop(address)
