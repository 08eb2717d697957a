"""Programs that are built from Go modules, where Go and its module proxy are; each is built once and kept."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.journeys.commands import lacking
from tests.locked import one_at_a_time

CACHE = Path(__file__).parent.parent / ".cache" / "go"
BUILD_SECONDS = 300


def built(module: str) -> Path:
    """Return the program of a module such as `example.org/cmd/tool@v1.2.3`, built if it was not there."""
    path, _, version = module.partition("@")
    name = path.rpartition("/")[2]
    program = CACHE / f"{name}-{version}" / name
    with one_at_a_time(program.parent):
        if not program.exists():
            _build(module, program)
    return program


def _build(module: str, program: Path) -> None:
    """Build beside its place, so that no other process finds half a program."""
    if shutil.which("go") is None:
        lacking(f"'{program.name}' is built with Go, which is not here")
    with TemporaryDirectory(dir=program.parent) as folder:
        environment = {**os.environ, "GOBIN": folder}
        subprocess.run(["go", "install", module], check=True, env=environment, timeout=BUILD_SECONDS)
        Path(folder, program.name).rename(program)
