"""Whether a folder's disk would take a write, told without writing."""

import os
from pathlib import Path

from twinport.refusals.storage import FolderClosed, StorageUnavailable

# Less room than this is none: a commit of SQLite and a manifest take some pages each.
LEAST_FREE = 1 << 20


def check(folder: Path) -> None:
    """Raise StorageUnavailable if the disk of a folder is away, read-only, full, or without inodes."""
    disk = _writable(folder)
    if disk.f_bavail * disk.f_frsize < LEAST_FREE:
        raise StorageUnavailable(f"the disk of the folder '{folder}' is full")
    # Some file systems have no fixed number of inodes, and say that there are none.
    if disk.f_files and not disk.f_favail:
        raise StorageUnavailable(f"the disk of the folder '{folder}' has no inode left")


def check_writable(folder: Path) -> None:
    """Raise StorageUnavailable if a folder is read-only, and pass if it is not there."""
    if folder.is_dir():
        _writable(folder)


def _writable(folder: Path) -> os.statvfs_result:
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        raise StorageUnavailable(f"the folder '{folder}' cannot be looked at: {error.strerror}") from error
    if disk.f_flag & os.ST_RDONLY or not os.access(folder, os.W_OK):
        raise FolderClosed(f"the folder '{folder}' cannot be written to")
    return disk
