"""The command line itself: every help is whole, misuse is one sentence, and shells complete it."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.command_line import called
from tests.commands.test_serving import run
from tests.served import Served
from twinport import __version__
from twinport.settings.loading import Settings

PROGRAM = Path(sys.executable).parent / "twinport"
ROW = re.compile(r"^  ([a-z-]+)  +\S", re.MULTILINE)


@cache
def helped(*words: str) -> str:
    return called(*words, "--help").stdout


def commands_beneath(*words: str) -> list[tuple[str, ...]]:
    """Return every command that help texts lead to, and every group of commands."""
    listed = helped(*words).partition("\nCommands:\n")[2].partition("\n\n")[0]
    return [words, *(each for name in ROW.findall(listed) for each in commands_beneath(*words, name))]


DEFAULTS = {
    "--data": str(Settings().data),
    "--listen": Settings().listen,
    "--workers": str(Settings().workers),
    "--config": "none",
    "--tls-cert": "none, plain HTTP",
    "--open": "closed",
}


def options_in(shown: str) -> dict[str, str]:
    """Return the text of each option, joined to one line."""
    options = shown.partition("\nOptions:\n")[2].partition("\n\n")[0]
    rows = re.split(r"\n(?=  -)", options)
    return {row.split()[0].rstrip(","): " ".join(row.split()) for row in rows}


def test_help_leads_to_every_command() -> None:
    assert len(commands_beneath()) >= 17
    assert {("serve",), ("user", "keys", "create"), ("certificates",)} <= set(commands_beneath())


def test_h_is_help_for_every_command() -> None:
    for words in commands_beneath():
        short = called(*words, "-h")
        assert (short.code, short.stdout, short.stderr) == (0, helped(*words), ""), words
        assert short.stdout.startswith(" ".join(("Usage: twinport", *words)))


def test_every_help_shows_defaults_and_takes_flags_without_a_value() -> None:
    for words in commands_beneath():
        shown = options_in(helped(*words))
        assert "<bool>" not in helped(*words), words
        for option, default in DEFAULTS.items():
            if option in shown:
                assert f"[default: {default}]" in shown[option], words


def test_no_line_of_help_is_cut_or_wider_than_a_terminal() -> None:
    for words in commands_beneath():
        assert "..." not in helped(*words).replace("[ARGS]...", ""), words
        assert max(map(len, helped(*words).splitlines())) <= 80, words


def test_help_names_every_exit_code() -> None:
    assert re.findall(r"^    (\d)  \S", helped(), re.MULTILINE) == ["0", "1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("words", [("--version",), ("version",)])
def test_the_version_is_told(words: tuple[str, ...]) -> None:
    ended = called(*words)
    assert (ended.code, ended.stdout, ended.stderr) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("serv",), "no such command 'serv', did you mean 'serve'?; see 'twinport --help'"),
        (("user", "lst"), "no such command 'lst', did you mean 'list'?; see 'twinport user --help'"),
        (("xyzzy",), "no such command 'xyzzy'; see 'twinport --help'"),
        (("serve", "--dta", "x"), "no such option --dta, did you mean '--data'?; see 'twinport serve --help'"),
        (("gc", "--xyzzy"), "no such option --xyzzy; see 'twinport gc --help'"),
        (("account", "create"), "missing argument 'name'; see 'twinport account create --help'"),
        (("serve", "--listen"), "option '--listen' requires an argument; see 'twinport"),
        (("why", "a", "b:c", "d", "--context", "e"), "'e' is not of the form PREFIX:KEY=VALUE"),
    ],
)
def test_misuse_is_one_sentence_that_names_the_nearest(words: tuple[str, ...], sentence: str) -> None:
    ended = called(*words)
    assert (ended.code, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert ended.stderr.startswith("twinport: ")
    assert sentence in ended.stderr


@pytest.mark.parametrize("group", [(), ("user",), ("user", "keys"), ("account",)])
def test_a_group_without_a_command_shows_its_help(group: tuple[str, ...]) -> None:
    ended = called(*group)
    assert (ended.code, ended.stderr.rstrip()) == (2, helped(*group).rstrip())


def test_an_empty_list_says_so_and_prints_no_row(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    assert called("account", "create", "acme", *data).code == 0
    whose = ("acme", "administrator")
    [key] = called("user", "keys", "list", *whose, *data).stdout.splitlines()
    assert called("user", "keys", "delete", *whose, key.split()[0], *data).code == 0
    ended = called("user", "keys", "list", *whose, *data)
    assert (ended.code, ended.stdout) == (0, "")
    assert "user 'administrator' has no access key: 'twinport user keys create acme administrator'" in ended.stderr


def test_a_deployment_without_accounts_says_how_to_make_one(server: Served) -> None:
    ended = run("account", "list", "--data", str(server.data))
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "there is no account yet: 'twinport account create NAME' makes one" in ended.stderr


def test_an_account_without_users_says_so(server: Served, account: str) -> None:
    ended = run("user", "list", account, "--data", str(server.data), TWINPORT_OPEN_ACCOUNTS="true")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert f"account '{account}' has no user yet" in ended.stderr


def completed(*words: str) -> list[str]:
    """Return what bash offers for the last of these words, by the script that the program prints."""
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        f"source <(_TWINPORT_COMPLETE=source_bash twinport); COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
        "_twinport_completion twinport; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        env={"PATH": f"{PROGRAM.parent}:/usr/bin:/bin"},
    )
    return done.stdout.split()


def test_bash_completes_commands_groups_and_options() -> None:
    assert completed("twinport", "se") == ["serve"]
    assert completed("twinport", "user", "keys", "") == ["create", "list", "disable", "enable", "delete"]
    assert completed("twinport", "serve", "--l") == ["--listen"]
