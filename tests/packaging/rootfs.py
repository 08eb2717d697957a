"""A whole Debian in a folder, made by debootstrap: the base image of the container, and a machine with systemd."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.journeys.commands import find, lacking
from tests.locked import one_at_a_time

# Debian 13: Python 3.13, systemd 257, PostgreSQL 17.
RELEASE = "trixie"
PACKAGES = ("ca-certificates", "dbus", "postgresql", "python3", "python3-venv", "systemd", "systemd-sysv")
CACHE = Path(__file__).parents[2] / ".cache" / "rootfs"
DEADLINE_SECONDS = 600
# Where a package registry is reached through a private authority, the machine's own bundle knows it.
_TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")


def rootfs() -> Path:
    """Return the folder of a root file system, made if it is not there. No caller may change it."""
    if os.geteuid() != 0:
        lacking("a root file system is made by root")
    made = CACHE / RELEASE
    with one_at_a_time(CACHE):
        if not (made / "ready").exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            _bootstrap(made / "root")
            (made / "ready").touch()
    return made / "root"


def _bootstrap(folder: Path) -> None:
    words = [find("debootstrap"), "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert done.returncode == 0, f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    if _TRUSTED.exists():
        shutil.copyfile(_TRUSTED, folder / _TRUSTED.relative_to("/"))
    shutil.rmtree(folder / "var/cache/apt", ignore_errors=True)
    shutil.rmtree(folder / "var/lib/apt/lists", ignore_errors=True)
