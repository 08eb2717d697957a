"""Disks of a size that a test chooses, and system calls that fail on command."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys.commands import find, lacking
from tests.journeys.server import Server

LETTING_GO_SECONDS = 3.0


@contextmanager
def mounted(folder: Path, *words: str) -> Iterator[Path]:
    """Mount something on a folder, which is made, and unmount it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        lacking("a disk of its own takes the right to mount one")
    run("mount", *words, str(folder))
    try:
        yield folder
    finally:
        run("umount", "--lazy", str(folder))


@contextmanager
def small_disk(folder: Path, **options: str | int) -> Iterator[Path]:
    """A disk in memory; `size` and `nr_inodes` are tmpfs's own."""
    words = ",".join(f"{name}={value}" for name, value in options.items())
    with mounted(folder, "-t", "tmpfs", "-o", words, "tmpfs"):
        yield folder


def remount(folder: Path, how: str) -> None:
    """Remount `ro` or `rw`, while processes use it."""
    run("mount", "-o", f"remount,{how}", str(folder))


def run(name: str, *words: str) -> None:
    subprocess.run([find(name), *words], check=True, capture_output=True)


def fill(path: Path) -> None:
    """Write a file until there is no room for another byte."""
    try:
        with path.open("wb", buffering=0) as file:
            for piece in (b"x" * 4096, b"x"):
                _write_until_full(file.fileno(), piece)
    except OSError:
        return


def _write_until_full(descriptor: int, piece: bytes) -> None:
    try:
        while os.write(descriptor, piece):
            pass
    except OSError:
        return


@contextmanager
def failing(server: Server, calls: str, how: str, *files: Path) -> Iterator[None]:
    """Let system calls of a running server fail: `error=EIO:when=1` for the first, `error=EIO` for each.

    With files, only the calls on these.
    """
    paths = [word for file in files for word in ("-P", str(file))]
    with straced(server.pid, *paths, "-e", f"trace={calls}", "-e", f"inject={calls}:{how}", "-o", "/dev/null"):
        yield


@contextmanager
def straced(pid: int, *words: str) -> Iterator[None]:
    """Let strace look at, and meddle with, the system calls of a process that may end meanwhile."""
    command = [find("strace"), "-f", "-p", str(pid), *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        try:
            assert "attached" in (line := strace.stderr.readline()), line
            yield
        finally:
            _end(strace)


def _end(strace: "subprocess.Popen[str]") -> None:
    """Ask it to detach; one that waits for threads of a process that is dying is ended."""
    strace.send_signal(signal.SIGINT)
    try:
        strace.communicate(timeout=LETTING_GO_SECONDS)
    except subprocess.TimeoutExpired:
        strace.kill()
        strace.communicate()
