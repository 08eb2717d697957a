"""Users of the machine beside the one that the tests run as, and what they may read."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# The user that owns no files in Debian.
STRANGER = 65534
AS_A_STRANGER = ("setpriv", "--reuid", str(STRANGER), "--regid", str(STRANGER), "--clear-groups")


def require_stranger() -> None:
    """Skip the test unless this user may run twinport as another user, who may read the interpreter."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root, with setpriv, may act as another user")
    probe = [*AS_A_STRANGER, sys.executable, "-c", "import twinport.composition.app"]
    source = str(Path(__file__).parent.parent / "src")
    if subprocess.run(probe, capture_output=True, check=False, env={"PYTHONPATH": source}).returncode:
        pytest.skip("another user may not read the interpreter or the sources")


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder that every user may write to; pytest's own folders are closed to them."""
    with tempfile.TemporaryDirectory(prefix="twinport-shared-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@contextmanager
def file_mask(mask: int) -> Iterator[None]:
    """Let processes that begin meanwhile have this umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def readable_by_others(folder: Path) -> dict[str, str]:
    """Return what is not 0700 (a folder) or 0600 (anything else), with the mode that it has."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_IMODE(mode) != (0o700 if stat.S_ISDIR(mode) else 0o600):
            found[str(path.relative_to(folder))] = stat.filemode(mode)
    return found
