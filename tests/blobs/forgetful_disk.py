"""A disk on a real folder that fails or stops at its n-th operation, and can lose what was not made durable."""

import errno
import os
import shutil
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from threading import Lock

from twinport.blobs.operations import NewFile, OwnDisk


class Killed(BaseException):
    """The process ended here: nothing it does afterwards reaches the disk."""


class Crash(Enum):
    """What a disk may be found to hold after its machine went down: the two extremes."""

    ALL_IS_THERE = "everything that was written is there"
    UNSYNCED_IS_LOST = "nothing that was not synced is there, and nothing that was not synced is gone"


Plan = Callable[[int, str], None]


def works(_number: int, _operation: str) -> None:
    """Every operation succeeds."""


def killed_at(n: int) -> Plan:
    """From the n-th operation on there is no process."""

    def plan(number: int, _operation: str) -> None:
        if number >= n:
            raise Killed

    return plan


def failing_at(n: int, code: int = errno.ENOSPC) -> Plan:
    """The n-th operation fails, and those after it succeed."""

    def plan(number: int, operation: str) -> None:
        if number == n:
            raise OSError(code, os.strerror(code), operation)

    return plan


class ForgetfulDisk:
    def __init__(self, plan: Plan = works, *, clones: bool = False, disk: OwnDisk | None = None) -> None:
        self.operations: list[str] = []
        self.plan, self.clones = plan, clones
        self._disk, self._lock = disk or OwnDisk(), Lock()
        self._synced: dict[Path, int] = {}
        self._unsynced_names: set[Path] = set()
        self._removed: dict[Path, bytes] = {}

    def create(self, path: Path) -> "_ForgetfulFile":
        self.step("create")
        file = self._disk.create(path)
        with self._lock:
            self._unsynced_names.add(path)
            self._synced[path] = 0
        return _ForgetfulFile(file, path, self)

    def make_folder(self, path: Path) -> None:
        self.step("make_folder")
        with self._lock:
            if not path.exists():
                self._unsynced_names.add(path)
            self._disk.make_folder(path)

    def sync_folder(self, path: Path) -> None:
        self.step("sync_folder")
        self._disk.sync_folder(path)
        with self._lock:
            self._now_durable(path)

    def remove(self, path: Path) -> None:
        self.step("remove")
        with self._lock:
            if path.exists() and path not in self._unsynced_names:
                self._removed[path] = path.read_bytes()[: self._synced.get(path)]
            self._disk.remove(path)
            self._unsynced_names.discard(path)
            self._synced.pop(path, None)

    def step(self, operation: str) -> None:
        with self._lock:
            self.operations.append(operation)
            number = len(self.operations)
        self.plan(number, operation)

    def synced(self, path: Path) -> None:
        self._synced[path] = path.stat().st_size

    def crash(self, crash: Crash) -> None:
        """The machine goes down and comes up again."""
        if crash is Crash.UNSYNCED_IS_LOST:
            self._forget()
        self.plan = works
        self._synced.clear()
        self._unsynced_names.clear()
        self._removed.clear()

    def _now_durable(self, path: Path) -> None:
        self._unsynced_names -= {name for name in self._unsynced_names if name.parent == path}
        self._removed = {name: content for name, content in self._removed.items() if name.parent != path}

    def _forget(self) -> None:
        for path, size in self._synced.items():
            os.truncate(path, size)
        for path in self._unsynced_names:
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        for path, content in self._removed.items():
            path.write_bytes(content)


class _ForgetfulFile:
    def __init__(self, file: NewFile, path: Path, disk: ForgetfulDisk) -> None:
        self._file, self._path, self._disk = file, path, disk

    def write(self, content: bytes | bytearray) -> None:
        try:
            self._disk.step("write")
        except BaseException:
            self._file.write(content[: len(content) // 2])
            raise
        self._file.write(content)

    def append_from(self, source: int, first: int, size: int) -> int:
        try:
            self._disk.step("append_from")
        except BaseException:
            self._file.append_from(source, first, size // 2)
            raise
        return self._file.append_from(source, first, size)

    def clone(self, source: Path) -> bool:
        self._disk.step("clone")
        if self._disk.clones:
            self._file.write(source.read_bytes())
        return self._disk.clones

    def sync(self) -> None:
        self._disk.step("sync")
        self._file.sync()
        self._disk.synced(self._path)

    def close(self) -> None:
        # Not counted: a descriptor goes with its process, and closing changes no disk.
        self._file.close()
