"""`twinport status`: beside servers, without them, and asked by health checks."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Ended, called, called_by
from tests.commands.test_serving import run
from tests.files.test_private_files import work
from tests.machine_users import AS_A_STRANGER, require_stranger
from tests.ports import free_port
from tests.postgres import PostgresServer
from tests.served import Served, start, start_secure
from tests.waiting import until
from twinport.commands.certificates import Files, make, names_for

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment at rest, with an image and Regions."""
    served = start(tmp_path_factory.mktemp("whole") / "data")
    try:
        work(served)
    finally:
        served.stop()
    return served.data


@pytest.fixture(scope="module")
def served(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(Path(shutil.copytree(whole, tmp_path_factory.mktemp("served") / "data")))
    yield served
    served.stop()


@pytest.fixture
def at_rest(whole: Path, tmp_path: Path) -> Path:
    """A copy that no server runs on."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


def status(data: Path, port: int, *words: str, **environment: str) -> tuple[int, Any]:
    listen = f"127.0.0.1:{port}"
    ended = run("status", "--json", "--data", str(data), "--listen", listen, *words, **environment)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def sentences(found: Any) -> str:  # noqa: ANN401 — what JSON holds
    return " | ".join(each["sentence"] for each in found["findings"])


def tree(folder: Path) -> set[Path]:
    """Return what is in a folder, but for what SQLite has beside a file while it is open."""
    return {path for path in folder.rglob("*") if path.suffix not in (".db-wal", ".db-shm")}


def test_beside_a_running_server_all_is_well(served: Served) -> None:
    code, found = status(served.data, served.port)
    assert (code, found["state"], found["findings"]) == (0, "well", [])
    assert (found["ready"], found["database"]) == (True, {"kind": "sqlite", "answers": True})
    assert found["processes"] == [{"kind": "server", "pid": served.process.pid, "is_alive": True}]
    assert "eu-west-1" in [each["region"] for each in found["regions"]]


def test_a_running_server_says_itself_whether_accounts_are_open(served: Served) -> None:
    # These settings say neither --open nor an address.
    ended = called("status", "--json", "--data", str(served.data))
    found = json.loads(ended.stdout)
    assert (ended.code, found["accounts"], found["accounts_told_by"]) == (0, "open to this machine", "server")
    assert (found["address"], found["ready"]) == (served.url, True)


def test_without_a_server_the_settings_tell_and_it_is_said_so(at_rest: Path) -> None:
    listen = ("--listen", f"127.0.0.1:{free_port()}")
    ended = called("status", "--data", str(at_rest), *listen)
    by_settings = "(by the settings of this command: no running server of this folder tells)"
    assert f"  accounts   closed, and none yet {by_settings}" in ended.stdout.splitlines()
    _, found = status(at_rest, free_port(), TWINPORT_OPEN_ACCOUNTS="true")
    assert (found["accounts"], found["accounts_told_by"]) == ("open to this machine", "settings")


def test_at_another_address_than_its_own_the_server_of_the_folder_is_named(served: Served) -> None:
    code, found = status(served.data, free_port())
    assert (code, found["answers"]) == (4, False)
    assert f"the server of this folder listens on {served.url}" in sentences(found)


def test_what_a_killed_server_said_of_itself_is_not_told(at_rest: Path) -> None:
    served = start(at_rest)
    served.process.kill()
    served.process.wait()
    _, found = status(at_rest, free_port())
    assert (found["accounts"], found["accounts_told_by"]) == ("closed, and none yet", "settings")
    assert "listens on" not in sentences(found)
    served = start(at_rest)
    try:
        assert len(list((at_rest / "listeners").iterdir())) == 1
    finally:
        served.stop()
    assert list((at_rest / "listeners").iterdir()) == []


def test_a_person_reads_the_address_first_and_last_that_all_is_well(served: Served) -> None:
    ended = called("status", "--data", str(served.data), "--listen", f"127.0.0.1:{served.port}")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[0].endswith(f"ready: http://127.0.0.1:{served.port}")
    assert ended.stdout.splitlines()[-1] == "all is well"


def test_without_a_server_the_folder_is_read_and_the_code_is_not_ready(at_rest: Path) -> None:
    before = tree(at_rest)
    code, found = status(at_rest, free_port())
    assert (code, found["answers"], found["database"]["answers"]) == (4, False, True)
    assert found["processes"] == []
    assert tree(at_rest) == before


def test_a_folder_that_was_never_used_is_named_and_not_made(tmp_path: Path) -> None:
    code, found = status(tmp_path / "typo", free_port())
    assert code == 4
    assert f"nothing was begun in the folder '{tmp_path / 'typo'}'" in sentences(found)
    assert not (tmp_path / "typo").exists()


def test_every_command_says_the_same_of_a_folder_that_was_never_used(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "typo"))
    commands: list[tuple[str, ...]] = [
        *[("replication", "list"), ("account", "list"), ("gc",), ("verify",), ("worker",)],
        ("why", "111122223333", "ecr:DescribeRegistry", "*"),
    ]
    sentence = f"nothing was begun in the folder '{tmp_path / 'typo'}': name the server's folder with --data DIR or "
    found = [called(*words, *data) for words in commands]
    assert [(each.code, sentence in each.stderr) for each in found] == [(4, True)] * len(commands)
    ended = called("status", *data, "--listen", f"127.0.0.1:{free_port()}")
    assert (ended.code, f"not ready: {sentence}" in ended.stdout) == (4, True)


def test_a_killed_process_is_told_from_one_that_runs(at_rest: Path) -> None:
    served = start(at_rest)
    served.process.kill()
    served.process.wait()
    _, found = status(at_rest, served.port)
    assert [(each["kind"], each["is_alive"]) for each in found["processes"]] == [("server", False)]


def test_a_worker_is_named_as_one(at_rest: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "twinport", "worker", "--data", str(at_rest)],
        env={"PYTHONPATH": str(ROOT / "src")},
        stderr=subprocess.DEVNULL,
    )
    try:
        kinds = until(lambda: [each["kind"] for each in status(at_rest, 1)[1]["processes"]])
    finally:
        worker.terminate()
        worker.wait(timeout=20)
    assert kinds == ["worker"]


def test_damage_and_failed_copies_need_a_person_and_late_copies_are_behind(at_rest: Path) -> None:
    served = start(at_rest)
    try:
        file = at_rest / "regions" / "eu-west-1" / "catalog.db"
        with sqlite3.connect(file) as db:
            db.execute("UPDATE blob SET damage = 'content', damaged_at = 1")
            row = "'1', 'us-east-1', '1', 'r', 'sha256:x', 't', 1, ?, 0, ?, 0, 1, 9999999999999999"
            names = (
                "source_account, destination_region, destination_account, repository, digest, tag, epoch, sequence,"
                " repetition, state, attempts, created_at, due_at"
            )
            for number, (sequence, state) in enumerate([(1, "failed"), (2, "failed"), (2, "waiting")]):
                statement = f"INSERT INTO delivery (id, {names}, bytes_carried) VALUES ('d{number}', {row}, 0)"  # noqa: S608
                # A later delivery of the same image and tag makes an earlier failure good.
                text = statement.replace("'t'", "'u'" if state == "waiting" else "'t'")
                db.execute(text, (sequence, state))
            db.execute(
                "INSERT INTO lane (source_account, destination_region, destination_account, waiting, oldest)"
                " VALUES ('1', 'us-east-1', '1', 1, 1)"
            )
        code, found = status(at_rest, served.port)
    finally:
        served.stop()
    [region] = [each for each in found["regions"] if each["region"] == "eu-west-1"]
    assert (code, found["state"]) == (5, "needs_a_person")
    assert (region["failed"], region["waiting"], region["damaged"] > 0) == (1, 1, True)
    standings = [each["standing"] for each in found["findings"]]
    assert standings == ["needs_a_person", "needs_a_person", "behind"]


def test_a_region_whose_database_is_missing_needs_a_person(at_rest: Path) -> None:
    for file in (at_rest / "regions" / "eu-west-1").glob("catalog.db*"):
        file.unlink()
    code, found = status(at_rest, free_port())
    assert code == 4
    assert "eu-west-1" in sentences(found)
    assert "needs_a_person" in [each["standing"] for each in found["findings"]]
    assert not (at_rest / "regions" / "eu-west-1" / "catalog.db").exists()


def test_a_start_that_would_be_refused_is_told(at_rest: Path) -> None:
    for file in at_rest.glob("global.db-*"):
        file.unlink()
    (at_rest / "global.db").write_bytes(b"no database" * 100)
    code, found = status(at_rest, free_port())
    assert (code, found["database"]["answers"]) == (4, False)
    assert "needs_a_person" in [each["standing"] for each in found["findings"]]
    assert "global.db" in sentences(found)


def test_a_deployment_on_postgresql_is_read_by_its_databases(postgres: PostgresServer, tmp_path: Path) -> None:
    address = postgres.new_address()
    served = start(tmp_path / "data", TWINPORT_DATABASE=address)
    try:
        work(served)
        code, found = status(served.data, served.port, TWINPORT_DATABASE=address)
        assert (code, found["database"]) == (0, {"kind": "postgresql", "answers": True}), found["findings"]
        assert "eu-west-1" in [each["region"] for each in found["regions"]]
    finally:
        served.stop()
    away = address.rpartition("/")[0] + "/nowhere"
    code, found = status(served.data, served.port, TWINPORT_DATABASE=away)
    assert (code, found["database"]["answers"]) == (4, False)
    postgres.drop(address)


def ready(**environment: str) -> Ended:
    ended = run("status", "--ready", **environment)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def test_ready_is_one_line_and_the_code(served: Served) -> None:
    ended = ready(TWINPORT_LISTEN=f"127.0.0.1:{served.port}")
    assert ended == Ended(0, f"ready: {served.url}\n", "")
    port = free_port()
    ended = ready(TWINPORT_LISTEN=f"127.0.0.1:{port}")
    assert ended == Ended(4, f"no answer: http://127.0.0.1:{port}: connection refused\n", "")


def test_a_listener_on_every_address_is_asked_on_loopback(served: Served) -> None:
    ended = ready(TWINPORT_LISTEN=f"0.0.0.0:{served.port}")
    assert (ended.code, ended.stdout) == (0, f"ready: http://127.0.0.1:{served.port}\n")


def test_an_option_gives_the_same_answer_as_the_environment(served: Served) -> None:
    ended = called("status", "--ready", "--listen", f"127.0.0.1:{served.port}")
    assert ended == Ended(0, f"ready: {served.url}\n", "")


def test_a_wrong_setting_is_misuse_for_a_health_check_too() -> None:
    ended = ready(TWINPORT_LISTEN="nowhere")
    assert (ended.code, ended.stdout, "HOST:PORT is needed" in ended.stderr) == (2, "", True)


def test_over_https_the_servers_own_certificate_is_taken(tmp_path: Path) -> None:
    make(tmp_path / "tls", names_for(["127.0.0.1"], [], []), datetime.now(UTC))
    files = Files(tmp_path / "tls")
    served = start_secure(tmp_path / "data", files)
    try:
        shown = {"TWINPORT_TLS_CERT": str(files.certificate), "TWINPORT_TLS_KEY": str(files.key)}
        ended = ready(TWINPORT_LISTEN=f"0.0.0.0:{served.port}", **shown)
    finally:
        served.stop()
    assert ended == Ended(0, f"ready: https://127.0.0.1:{served.port}\n", "")


def test_a_health_check_loads_neither_typer_nor_the_databases() -> None:
    program = "import sys; sys.argv = ['twinport', 'status', '--ready']\nfrom twinport.entry import main\ntry: main()\n"
    program += "except SystemExit: print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        env={"PYTHONPATH": str(ROOT / "src"), "TWINPORT_LISTEN": f"127.0.0.1:{free_port()}"},
    )
    loaded = set(done.stdout.split())
    assert not {"typer", "asyncio", "sqlalchemy", "pydantic", "aiohttp", "cryptography"} & loaded
    assert "twinport.status.own_server" in loaded


def test_another_user_without_a_folder_to_write_may_ask(served: Served) -> None:
    require_stranger()
    [ended] = called_by(AS_A_STRANGER, [["status", "--ready", "--listen", f"127.0.0.1:{served.port}"]])
    assert (ended.code, ended.stdout) == (0, f"ready: {served.url}\n")
    assert os.getuid() == 0
