"""Runs the commands of a document as its reader would."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.journeys.commands import Program, find, with_hosts

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120
# Job control, so that `kill %1` means what it means to a reader.
_ENDING = "set -m; trap 'kill $(jobs -p) 2> /dev/null || true' EXIT"


def run_commands(document: str, instead: Mapping[str, str], folder: Path, **environment: str) -> str:
    """Run every `sh` block of `docs/DOCUMENT` in order, in one shell, and return what they print.

    `instead` says what stands for a text of the document, as an address; what the commands leave running is ended.
    """
    return run_commands_among(None, document, instead, folder, environment)


def run_commands_among(
    hosts: Path | None, document: str, instead: Mapping[str, str], folder: Path, environment: Mapping[str, str]
) -> str:
    """As `run_commands`, with `hosts` in place of /etc/hosts."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / document).read_text(), re.DOTALL))
    for text, other in instead.items():
        assert text in blocks
        blocks = blocks.replace(text, other)
    path = os.pathsep.join([str(Path(sys.executable).parent), str(Path(find("aws")).parent), os.environ["PATH"]])
    shell = Program(("bash", "-euo", "pipefail", "-c", f"{_ENDING}\n{blocks}"), {})
    done = subprocess.run(
        (shell if hosts is None else with_hosts(shell, hosts)).words,
        cwd=folder,
        env={**os.environ, "PATH": path, "HOME": str(folder), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
