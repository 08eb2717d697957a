"""Runs the commands of a document as its reader would, against a server of the test's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.journeys.commands import find
from tests.journeys.server import Server

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120


def run_commands(document: str, server: Server, folder: Path, **environment: str) -> str:
    """Run every `sh` block of `docs/DOCUMENT` in order, in one shell, and return what they print."""
    text = (ROOT / "docs" / document).read_text()
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("127.0.0.1:4566", server.address)
    path = os.pathsep.join([str(Path(sys.executable).parent), str(Path(find("aws")).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", blocks],
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
