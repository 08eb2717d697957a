"""The folders of SQLite files: present, writable, and durable by name before a database in them is."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

from twinport.refusals.storage import FolderClosed, NotAFolder, StorageUnavailable

_PAUSE = timedelta(milliseconds=10)


def require(folder: Path) -> None:
    """Raise NotAFolder if a file stands at the path of a folder or above it. The folder may be missing."""
    try:
        there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
        is_file = not there.is_dir() and not there.is_symlink()
    except OSError:
        # The error that prevents this check is reported when the folder is used.
        return
    if is_file:
        raise NotAFolder(str(there))


def make(folder: Path) -> None:
    """Make a folder that can be written to, and those above it. Raises NotAFolder, FolderClosed, StorageUnavailable.

    The names of existing folders are synced too: the process that made them may have died before it synced them.
    """
    require(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for parent in folder.absolute().parents:
            # Another user made a folder that this process may not read, and everything above it.
            with suppress(PermissionError):
                sync(parent)
    except OSError as error:
        raise _unmade(folder, error) from error
    if not os.access(folder, os.W_OK):
        raise FolderClosed(f"the folder '{folder}' cannot be written to")


def _unmade(folder: Path, error: OSError) -> StorageUnavailable:
    is_mended_by_waiting = error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)
    return (StorageUnavailable if is_mended_by_waiting else FolderClosed)(
        f"the folder '{folder}' cannot be made: {error.strerror}"
    )


def sync(folder: Path) -> None:
    """Make the names in a folder durable. Errors are OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def alone(folder: Path, longest_wait: timedelta) -> Iterator[None]:
    """Hold a lock on a folder that one process at a time can hold. Raises StorageUnavailable after `longest_wait`."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise StorageUnavailable(f"the folder '{folder}' cannot be read: {error.strerror}") from error
    try:
        _lock(handle, folder, longest_wait)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, longest_wait: timedelta) -> None:
    end = monotonic() + longest_wait.total_seconds()
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= end:
                raise StorageUnavailable(
                    f"another process has been preparing a database in '{folder}' for more than "
                    f"{longest_wait.total_seconds():g} seconds"
                ) from None
        sleep(_PAUSE.total_seconds())
