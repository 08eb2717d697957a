"""What the file store does to a disk, one operation a method: tests fail, fill and forget behind this port."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_FICLONE = 0x40049409  # linux/fs.h: share the extents of another file, copied when either is written


class NewFile(Protocol):
    """A file that this process made and nobody else writes."""

    def write(self, content: bytes | bytearray) -> None:
        """Append all of `content`."""
        ...

    def clone(self, source: Path) -> bool:
        """Become a copy of `source` without copying its bytes; False if the file system cannot."""
        ...

    def sync(self) -> None:
        """Make the content durable (not the name: see `FileOperations.sync_folder`)."""
        ...

    def close(self) -> None:
        """Let go of the file, if that was not done before."""
        ...


class FileOperations(Protocol):
    """What changes a folder. Errors are OSError."""

    def create(self, path: Path) -> NewFile:
        """Make a file that must not be there, in a folder that must."""
        ...

    def make_folder(self, path: Path) -> None:
        """Make a folder unless it is there; its parent must be."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        ...


class OwnDisk:
    """The operating system's."""

    def create(self, path: Path) -> "_Descriptor":
        return _Descriptor(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)

    def sync_folder(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)


class _Descriptor:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: bytes | bytearray) -> None:
        with memoryview(content) as left:
            written = 0
            while written < len(left):
                written += os.write(self._descriptor, left[written:])

    def clone(self, source: Path) -> bool:
        with source.open("rb") as original, suppress(OSError):
            fcntl.ioctl(self._descriptor, _FICLONE, original.fileno())
            return True
        return False

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        # Forgotten first: a number that was closed once may belong to another file the next time.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
