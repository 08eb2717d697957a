"""One command for everything: `make help` tells each target in a sentence."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_help_tells_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make ([\w-]+) +\S.*\.$", shown, re.MULTILINE) == phony()


@pytest.mark.parametrize("target", ["help", "run", "test"])
def test_a_variable_that_nothing_reads_is_refused_by_every_target(target: str) -> None:
    ended = made("--dry-run", target, "LISTN=127.0.0.1:5000", "DATA=/somewhere")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "nothing here reads LISTN: the variables are LISTEN DATA " in ended.stderr


def test_every_variable_that_the_pages_name_is_known() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", *(ROOT / "docs").rglob("*.md")]
    said = {
        name
        for page in pages
        for line in re.findall(r"make [a-z-]+((?: [A-Z_]+=)[^`\n]*)", page.read_text())
        for name in re.findall(r"\b([A-Z_]+)=", line)
    }
    assert {"LISTEN", "DATA", "PYTEST_ARGS", "SECONDS", "MINUTES", "TARGET"} <= said
    ended = made("help", *(f"{name}=x" for name in sorted(said)))
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("script", ["run", "nightly"])
def test_ci_runs_what_a_person_runs(script: str) -> None:
    commands = re.findall(r"(?:^suite .*|^ +)\bmake ([\w-]+)", (ROOT / ".ci" / script).read_text(), re.MULTILINE)
    assert commands
    assert set(commands) <= set(phony())


def test_the_budgets_of_ci_are_at_most_forty_five_minutes() -> None:
    budgets = re.findall(r"^suite '[^']+' (\d+) ", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert sum(map(int, budgets)) <= 45


def test_a_suite_that_fails_ends_ci_with_a_table_of_all_suites() -> None:
    ended = suites("stop")
    assert ended.returncode == 1
    assert rows(ended.stdout) == [("first", "passed"), ("second", "failed (3)"), ("third", "not run")]


def test_a_suite_that_fails_at_night_keeps_no_other_from_running() -> None:
    ended = suites("go_on")
    assert ended.returncode == 1
    assert rows(ended.stdout) == [("first", "passed"), ("second", "failed (3)"), ("third", "passed")]


def test_make_says_about_how_many_tests_there_are(request: pytest.FixtureRequest) -> None:
    config = request.config
    if (
        [Path(each).resolve() for each in config.args] != [ROOT / "tests"]
        or config.option.keyword
        or config.option.markexpr != "not large"
    ):
        pytest.skip("only `make test` knows how many tests it has")
    [said] = re.findall(r"^TESTS := (\d+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert abs(int(said) - request.session.testscollected) <= int(said) / 5


def made(*words: str) -> "subprocess.CompletedProcess[str]":
    of_make = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL")
    untouched = {name: value for name, value in os.environ.items() if name not in of_make}
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=False, env=untouched)


def suites(after_failure: str) -> "subprocess.CompletedProcess[str]":
    planned = "suite first 1 true; suite second 1 bash -c 'exit 3'; suite third 1 true"
    script = f"set -euo pipefail; source .ci/suites.sh; {planned}; run_suites {after_failure}"
    return subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)


def rows(table: str) -> list[tuple[str, str]]:
    return re.findall(r"^(first|second|third) +\d+ +1 m  (.+)$", table, re.MULTILINE)


def phony() -> list[str]:
    makefile = (ROOT / "Makefile").read_text()
    [targets] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    return sorted(targets.split(), key=lambda target: makefile.index(f"\n{target}: "))
