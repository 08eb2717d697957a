"""Checks without writing whether a folder's disk would accept a write."""

import os
from pathlib import Path

from twinport.refusals.storage import FolderClosed, StorageUnavailable

# A disk with less free space than this counts as full: a SQLite commit and a manifest take a few pages each.
LEAST_FREE = 1 << 20


def check(folder: Path) -> None:
    """Raise StorageUnavailable if the disk of a folder is unavailable, read-only, full, or without free inodes."""
    disk = _writable(folder)
    if disk.f_bavail * disk.f_frsize < LEAST_FREE:
        raise StorageUnavailable(f"the disk of the folder '{folder}' is full")
    # Some file systems have no fixed number of inodes, and report zero.
    if disk.f_files and not disk.f_favail:
        raise StorageUnavailable(f"the disk of the folder '{folder}' has no inode left")


def check_writable(folder: Path) -> None:
    """Raise StorageUnavailable if a folder is read-only. A missing folder passes."""
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
