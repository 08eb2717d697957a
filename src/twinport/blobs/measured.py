"""A disk that is timed: a wrapper with the port of `operations.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from twinport.blobs.operations import FileOperations, NewFile
from twinport.metrics import names


@contextmanager
def _timed(operation: str) -> Iterator[None]:
    began = perf_counter()
    try:
        yield
    except OSError:
        names.STORE_ERRORS.add(operation)
        raise
    finally:
        names.STORE_SECONDS.observe(perf_counter() - began, operation)


class MeasuredDisk:
    def __init__(self, disk: FileOperations) -> None:
        self._disk = disk

    def create(self, path: Path) -> NewFile:
        with _timed("create"):
            return _MeasuredFile(self._disk.create(path))

    def make_folder(self, path: Path) -> None:
        with _timed("create"):
            self._disk.make_folder(path)

    def sync_folder(self, path: Path) -> None:
        with _timed("sync"):
            self._disk.sync_folder(path)

    def remove(self, path: Path) -> None:
        with _timed("remove"):
            self._disk.remove(path)


class _MeasuredFile:
    def __init__(self, file: NewFile) -> None:
        self._file = file

    def write(self, content: bytes | bytearray) -> None:
        with _timed("write"):
            self._file.write(content)

    def append_from(self, source: int, first: int, size: int) -> int:
        with _timed("write"):
            return self._file.append_from(source, first, size)

    def clone(self, source: Path) -> bool:
        with _timed("write"):
            return self._file.clone(source)

    def sync(self) -> None:
        with _timed("sync"):
            self._file.sync()

    def close(self) -> None:
        self._file.close()
