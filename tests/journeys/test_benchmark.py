"""The benchmark in its small form: every work runs to its end, and every row is printed. No time is judged."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import bench
from benchmarks.fleet import CEILING, OURS
from benchmarks.works.work import SMOKE
from tests.journeys.commands import lacking

ROOT = Path(__file__).parents[2]
# A minute on two quiet cores.
SECONDS = 1200


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple["subprocess.CompletedProcess[str]", Any]:
    if shutil.which("go") is None:
        lacking("the load generator is built with Go, which is not here")
    file = tmp_path_factory.mktemp("benchmark") / "found.json"
    command = [sys.executable, "-m", "benchmarks.bench", "--smoke", "--json", str(file)]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done, json.loads(file.read_text())


@pytest.mark.timeout(SECONDS)
def test_every_work_has_a_figure_of_ours_or_of_the_machine(
    ended: tuple["subprocess.CompletedProcess[str]", Any],
) -> None:
    done, found = ended
    rows = [row.name for work in bench.all_works(SMOKE) for row in work.rows]
    measured = {row["work"] for row in found if any(_value(row, name) is not None for name in (OURS, CEILING))}
    assert set(rows) <= measured, done.stdout
    assert all(f"\n{row}" in done.stdout for row in rows)


def test_the_statements_of_a_manifest_a_pull_and_a_push_are_counted(
    ended: tuple["subprocess.CompletedProcess[str]", Any],
) -> None:
    counted = {row["work"]: row["contenders"][OURS]["statements"] for row in ended[1] if OURS in row["contenders"]}
    for beginning in ("GET manifest", "pull a", "push a 1 MiB image, 8", "PutImage"):
        [statements] = [counted[name] for name in counted if name.startswith(beginning)]
        assert statements > 1


def test_the_load_generator_is_formatted_and_vetted() -> None:
    if shutil.which("go") is None:
        lacking("gofmt and go vet are Go's, which is not here")
    for command in (["gofmt", "-l", "."], ["go", "vet", "./..."]):
        done = subprocess.run(command, cwd=ROOT / "benchmarks" / "loadgen", capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _value(row: dict[str, Any], name: str) -> float | None:
    value: float | None = row["contenders"].get(name, {}).get("value")
    return value
