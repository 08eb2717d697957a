"""Programs that are built from Go modules, where Go and its module proxy are; each is built once and kept."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.journeys.commands import lacking

CACHE = Path(__file__).parent.parent / ".cache" / "go"
BUILD_SECONDS = 300


def built(module: str) -> Path:
    """Return the program of a module such as `example.org/cmd/tool@v1.2.3`, built if it was not there."""
    path, _, version = module.partition("@")
    name = path.rpartition("/")[2]
    program = CACHE / f"{name}-{version}" / name
    if program.exists():
        return program
    if shutil.which("go") is None:
        lacking(f"'{name}' is built with Go, which is not here")
    environment = {**os.environ, "GOBIN": str(program.parent)}
    subprocess.run(["go", "install", module], check=True, env=environment, timeout=BUILD_SECONDS)
    return program
