"""The folders in which SQLite files lie: there, writable, and durable by name before a database in them is."""

import os
from contextlib import suppress
from pathlib import Path

from twinport.refusals.storage import StorageUnavailable


def make(folder: Path) -> None:
    """Make a folder that can be written to, and those above it. Raises StorageUnavailable.

    The names of those that are there already are synced too: who made them may have died before doing so.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for parent in folder.absolute().parents:
            # Somebody else made a folder that may not be read, and everything above it.
            with suppress(PermissionError):
                sync(parent)
    except OSError as error:
        raise StorageUnavailable(f"the folder '{folder}' cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise StorageUnavailable(f"the folder '{folder}' cannot be written to")


def sync(folder: Path) -> None:
    """Make the names in a folder durable. Errors are OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
