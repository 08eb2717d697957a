"""The README's way into a CI job is run as it stands, in a copy of the checkout."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
INSTALL_SECONDS = 600
NEEDED = ("src", "requirements", "pyproject.toml", "README.md", "LICENSE")


def test_the_commands_for_a_ci_job_install_and_start_a_server(tmp_path: Path) -> None:
    for name in NEEDED:
        copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copied(ROOT / name, tmp_path / name)
    section = (ROOT / "README.md").read_text().partition("## In a CI job")[2]
    [block] = re.findall(r"```sh\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    asked = ".twinport/bin/twinport status --json --data twinport-data"
    untouched = {name: value for name, value in os.environ.items() if not name.startswith(("TWINPORT_", "PYTHONPATH"))}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{block}\n{asked}"],
        cwd=tmp_path,
        env={**untouched, "TWINPORT_LISTEN": f"127.0.0.1:{free_port()}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"accounts": "open to this machine"' in done.stdout
