"""The tutorial is true: every block of it is run, one after the other, as a reader would."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.journeys.commands import find
from tests.journeys.engine import Engine
from tests.journeys.images import write_root_filesystem
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
DEADLINE_SECONDS = 120


def test_every_block_of_the_tutorial_does_what_it_says(tmp_path: Path, engine: Engine) -> None:
    give_busybox(engine, tmp_path)
    path = f"{Path(find('aws')).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script()],
        cwd=tmp_path,
        env={**os.environ, **engine.docker.environment, "PATH": path, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello from us-east-1" in done.stdout
    assert "SUCCEEDED" in done.stdout


def script() -> str:
    """The blocks in order, on a free port, with the twinport under test; whatever happens, its server ends."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(), re.DOTALL))
    here = blocks.replace("127.0.0.1:4566", f"127.0.0.1:{free_port()}").replace(
        ".venv/bin/twinport", f"{sys.executable} -m twinport"
    )
    return f"trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{here}"


def give_busybox(engine: Engine, folder: Path) -> None:
    """The image that the reader has from elsewhere."""
    write_root_filesystem(folder / "busybox.tar")
    engine.docker("import", "--change", 'CMD ["/bin/sh"]', str(folder / "busybox.tar"), "busybox")
