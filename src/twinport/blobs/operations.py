"""The file store's operations on a disk, one a method. Tests put failing, full or forgetful disks behind this port."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_FICLONE = 0x40049409  # linux/fs.h: share the extents of another file, copied when either is written

_PIECE = 1 << 20
# The errors of file systems and kernels that cannot copy by themselves, or not between these two files.
_CANNOT_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY}


class NewFile(Protocol):
    """A file that this process made and no other process writes."""

    def write(self, content: bytes | bytearray) -> None:
        """Append all of `content`."""
        ...

    def append_from(self, source: int, first: int, size: int) -> int:
        """Append up to `size` bytes of an open file from `first` on; return how many, none at its end.

        The system copies them, or shares their extents. If it can do neither, they pass through this process.
        """
        ...

    def clone(self, source: Path) -> bool:
        """Become a copy of `source` without copying its bytes; False if the file system cannot."""
        ...

    def sync(self) -> None:
        """Make the content durable (not the name: see `FileOperations.sync_folder`)."""
        ...

    def close(self) -> None:
        """Close the file, unless it is closed already."""
        ...


class FileOperations(Protocol):
    """Operations that change a folder. Errors are OSError."""

    def create(self, path: Path) -> NewFile:
        """Make a file that must not exist yet, in a folder that must exist."""
        ...

    def make_folder(self, path: Path) -> None:
        """Make a folder unless it exists; its parent must exist."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        ...


class CopyRange(Protocol):
    """As os.copy_file_range."""

    def __call__(self, src: int, dst: int, count: int, offset_src: int) -> int: ...


class OwnDisk:
    """The disk of the operating system."""

    def __init__(self, copy_range: CopyRange = os.copy_file_range) -> None:
        self._copy_range = copy_range

    def create(self, path: Path) -> "_Descriptor":
        return _Descriptor(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), self._copy_range)

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
    def __init__(self, descriptor: int, copy_range: CopyRange) -> None:
        self._descriptor, self._copy_range = descriptor, copy_range

    def write(self, content: bytes | bytearray) -> None:
        with memoryview(content) as left:
            written = 0
            while written < len(left):
                written += os.write(self._descriptor, left[written:])

    def append_from(self, source: int, first: int, size: int) -> int:
        try:
            return self._copy_range(source, self._descriptor, size, first)
        except OSError as error:
            if error.errno not in _CANNOT_COPY:
                raise
        piece = os.pread(source, min(size, _PIECE), first)
        self.write(piece)
        return len(piece)

    def clone(self, source: Path) -> bool:
        with source.open("rb") as original, suppress(OSError):
            fcntl.ioctl(self._descriptor, _FICLONE, original.fileno())
            return True
        return False

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        # The number is forgotten first: once it is closed, it may belong to another file.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
