"""The file of events: bounded, written by several processes at once, and replaced when it is full.

PATH is the newest file, PATH.1 the one before it, and so on. The process that writes the first line after a file is
full renames the files; the others notice at their next line. A line is one write to a file opened for appending, so a
written line survives if its process is killed at any point. Files are renamed and never copied or truncated, so
rotation loses no line either.
"""

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

LARGEST = 8 << 20
OLDER = 4
_STANDARD = (1, 2)


@dataclass(slots=True)
class EventFile:
    """Appends lines to `path`. A file of `largest` bytes or more is full; `older` full ones are kept."""

    path: Path
    largest: int = LARGEST
    older: int = OLDER
    _handle: int | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def write(self, line: bytes) -> None:
        """Append a line. Raises OSError if the whole line cannot be written."""
        with self._lock:
            handle = self._handle
            if handle is None or os.fstat(handle).st_size >= self.largest:
                handle = self._renew()
            if os.write(handle, line) < len(line):
                raise OSError(f"{self.path}: a line could be written in part alone")

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        with self._lock:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def _renew(self) -> int:
        """Open the current file for further lines, or a new file if the current one is full."""
        there = self._open()
        try:
            new = self._open() if os.fstat(there).st_size >= self.largest and self._is_shifted(there) else there
        except OSError:
            # This runs again for each line: without the close, each run would leak a descriptor.
            os.close(there)
            raise
        if new is not there:
            self._lead_standard_output(there, new)
            os.close(there)
        if self._handle is not None:
            self._lead_standard_output(self._handle, new)
            os.close(self._handle)
        self._handle = new
        return new

    def _is_shifted(self, full: int) -> bool:
        """Rename the full file and the older ones. False if another process is doing so; keep writing until then."""
        try:
            fcntl.flock(full, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # A process that renames holds the lock for a moment. But any program that may read the file can hold it
            # forever.
            if os.fstat(full).st_size < 2 * self.largest:
                return False
        try:
            # Another process may have renamed the file before this process got the lock.
            if _leads_to(self.path, full):
                self._shift()
            return True
        finally:
            # All copies of the descriptor share the lock, also in forked processes: closing one does not release it.
            fcntl.flock(full, fcntl.LOCK_UN)

    def _lead_standard_output(self, old: int, new: int) -> None:
        """Redirect standard streams from the old file to the new one: `twinport run`'s server must not fill the old."""
        for standard in _STANDARD:
            if not _same(old, new) and _same(standard, old):
                os.dup2(new, standard)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _shift(self) -> None:
        """Rename each file to the next number, up to the first free number. A file past the last number is dropped."""
        free = next((number for number in range(1, self.older) if not self._numbered(number).exists()), self.older)
        for number in range(free, 0, -1):
            with suppress(FileNotFoundError):
                self._numbered(number - 1).replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path


def _leads_to(path: Path, handle: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(handle))


def _same(standard: int, handle: int) -> bool:
    try:
        return os.path.sameopenfile(standard, handle)
    except OSError:
        # A service manager may have closed the stream.
        return False
