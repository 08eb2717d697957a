"""The wheel in a clean environment: everything it needs is inside, and it serves."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.journeys.commands import Program, find

ROOT = Path(__file__).parents[2]
INSTALL_SECONDS = 300


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment that has the wheel and what it depends on, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("clean") / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=INSTALL_SECONDS)
    _install(Program((str(folder / "bin" / "python"),), {}), wheel)
    return folder


def _install(python: Program, wheel: Path) -> None:
    pip = python.with_words("-m", "pip", "install", "--quiet").lasting(INSTALL_SECONDS)
    pip("--require-hashes", "--requirement", str(ROOT / "requirements" / "run.txt"))
    pip("--no-deps", str(wheel))


def test_the_wheel_takes_the_tour_in_a_clean_environment(clean: Path) -> None:
    said = Program((str(clean / "bin" / "twinport"),), {"PYTHONPATH": ""}).lasting(INSTALL_SECONDS)("demo")
    assert "every copy pulled back and every digest verified" in said


def test_the_wheel_brings_its_console_scripts(clean: Path) -> None:
    for script in ("twinport", "docker-credential-twinport", "twinport-kubelet-credentials"):
        assert (clean / "bin" / script).exists()


def test_everything_that_git_knows_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    listed = Program((find("git"), "-C", str(ROOT)), {})("ls-files", "src/twinport").split()
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {name.removeprefix("src/") for name in listed} <= inside
