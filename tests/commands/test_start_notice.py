"""What a server says at its start, to a person and to a program."""

import json
import re
import shlex
import urllib.request
from pathlib import Path

import pytest

from tests.command_line import called
from tests.ports import free_port
from tests.served import start
from tests.terminal import on_a_terminal
from twinport.commands.start_notice import Invocation, invocation, notice, ways_in
from twinport.settings.loading import Settings, load
from twinport.settings.own_address import url_of

INVOKED = Invocation("twinport", ("serve", "--data", "my data"), Path("/etc/twinport.toml"))
END = "Its events follow."


def commands_in(shown: str) -> list[list[str]]:
    """Return the commands that are offered to be copied, as a shell reads them."""
    return [shlex.split(line) for line in shown.splitlines() if line.startswith("  ") and "twinport " in line]


def test_a_person_at_a_terminal_reads_what_runs_and_the_commands_to_a_first_account(tmp_path: Path) -> None:
    listen, data = f"127.0.0.1:{free_port()}", tmp_path / "my data"
    with on_a_terminal("serve", "--data", str(data), "--listen", listen) as terminal:
        shown = terminal.until(END)
        for fact in (f"serves on http://{listen}\n", "closed, and none yet", "SQLite", str(data), "/console/"):
            assert fact in shown
        assert '"event"' not in shown
        create, reopen = [words[words.index("twinport") + 1 :] for words in commands_in(shown.partition("account:")[2])]
        # The commands are run as they stand, but for the name of the program, which the test calls in its own process.
        made = called(*["acme" if word == "NAME" else word for word in create])
        assert (made.code, "administrator" in made.stdout) == (0, True), made
    with on_a_terminal(*reopen) as terminal:
        assert "test/test is account 000000000000" in terminal.until(END)
        with urllib.request.urlopen(f"http://{listen}/_twinport/health", timeout=60) as answer:
            assert answer.status == 200
    with on_a_terminal("serve", "--data", str(data), "--listen", listen) as terminal:
        assert "none yet" not in terminal.until(END)


def test_a_program_reads_one_event_a_line_and_hears_that_there_is_no_account(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_OPEN_ACCOUNTS="")
    served.stop()
    log = (tmp_path / "data.log").read_text().splitlines()
    events = {each["event"]: each for each in map(json.loads, log)}
    assert events["server.started"]["address"] == f"127.0.0.1:{served.port}"
    assert events["accounts.none_yet"]["create_one"].endswith(f"account create NAME --data {tmp_path / 'data'}")
    assert events["accounts.none_yet"]["open_all"].endswith("--open")


def test_several_processes_say_once_what_runs(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    with on_a_terminal("serve", "--data", str(tmp_path / "data"), "--listen", listen, "--workers", "2") as terminal:
        shown = terminal.until("server.started")
    assert shown.count("serves on") == 1


def shown_for(open_accounts: object = False, listen: str = "127.0.0.1:4566", *, has_account: bool = False) -> str:  # noqa: FBT002
    settings = load(None, {}, {"open_accounts": open_accounts, "listen": listen, "data": "/srv/twinport"})
    return notice(settings, settings.port or 5000, INVOKED, has_account=has_account)


def test_a_command_to_copy_has_the_folder_and_the_settings_file() -> None:
    (_, create), (_, reopen) = ways_in(load(None, {}, {"data": "/srv/my data"}), INVOKED)
    assert create == "twinport account create NAME --data '/srv/my data' --config /etc/twinport.toml"
    assert reopen == "twinport serve --data 'my data' --open"


def test_off_loopback_the_way_to_open_accounts_names_what_it_means() -> None:
    invoked = Invocation("twinport", ("serve", "--open"), None)
    _, (meaning, reopen) = ways_in(load(None, {}, {"listen": "0.0.0.0:4566"}), invoked)
    assert reopen == "TWINPORT_OPEN_ACCOUNTS=everywhere twinport serve"
    assert "every client that reaches its port root of every account" in meaning


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:4566", "http://127.0.0.1:4566"),
        ("localhost:80", "http://localhost:80"),
        ("0.0.0.0:4566", "http://127.0.0.1:4566"),
        ("[::]:4566", "http://[::1]:4566"),
        ("[::1]:4566", "http://[::1]:4566"),
        ("192.0.2.7:1", "http://192.0.2.7:1"),
    ],
)
def test_the_address_that_is_shown_can_be_reached(listen: str, url: str) -> None:
    settings = load(None, {}, {"listen": listen})
    assert url_of(settings, settings.port) == url


def test_open_accounts_show_the_short_credentials_and_closed_ones_do_not() -> None:
    assert "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test" in shown_for(open_accounts=True)
    assert "test/test is account 000000000000" in shown_for(open_accounts="everywhere", listen="0.0.0.0:4566")
    for shown in (shown_for(), shown_for(has_account=True), shown_for(open_accounts=True, listen="0.0.0.0:4566")):
        assert "test/test" not in shown


def test_a_database_is_named_by_its_kind_alone() -> None:
    settings = load(None, {}, {"database": "postgresql://ann:marked-secret@db.example/twinport"})
    shown = notice(settings, 4566, INVOKED, has_account=True)
    assert "PostgreSQL" in shown
    assert not re.search("marked-secret|db.example", shown)


def test_a_program_that_is_not_on_the_path_is_named_as_it_was_started() -> None:
    assert invocation([".venv/bin/twinport", "serve"], {}, None).program == ".venv/bin/twinport"
    assert invocation(["/x/twinport/__main__.py", "serve"], {}, None).program.endswith(" -m twinport")


def test_the_settings_file_of_the_environment_is_named_too() -> None:
    invoked = invocation(["twinport", "serve"], {"TWINPORT_CONFIG": "/etc/t.toml"}, None)
    assert invoked.account_create(Settings(data=Path("/d"))).endswith("--config /etc/t.toml")
