"""The file of events: bounded, shared by processes, and no line is lost."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.served import Served, start
from tests.waiting import PATIENCE_SECONDS, until
from twinport.logs.file import LARGEST, OLDER, EventFile

# Writes lines until it is killed, and says on standard output how many were written.
WRITER = """
import sys
from pathlib import Path
from twinport.logs.file import EventFile
file, name = EventFile(Path(sys.argv[1]), largest=2000, older=1000), sys.argv[2]
for number in range(int(sys.argv[3])):
    file.write(f"{name} {number}\\n".encode())
    print(number, flush=True)
"""


def written(path: Path) -> list[str]:
    """Return the lines of a file and of the older ones, the oldest first."""
    numbered = sorted(path.parent.glob(f"{path.name}.*"), key=lambda each: -int(each.suffix[1:]))
    return "".join(map(_text_of, [*numbered, path])).splitlines()


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        # A writer renames it just now.
        return ""


def writer(path: Path, name: str, lines: int) -> subprocess.Popen[bytes]:
    source = str(Path(__file__).parents[2] / "src")
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(lines)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": source},
    )


def test_a_full_file_is_renamed_and_the_oldest_one_dropped(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "events.log", largest=20, older=2)
    for number in range(10):
        file.write(f"line number {number}\n".encode())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["events.log", "events.log.1", "events.log.2"]
    assert written(file.path) == [f"line number {number}" for number in range(4, 10)]


def test_a_file_that_was_full_before_the_start_is_renamed_at_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "events.log").write_text("before\n" * 10)
    EventFile(tmp_path / "events.log", largest=20).write(b"after\n")
    assert (tmp_path / "events.log").read_text() == "after\n"
    assert (tmp_path / "events.log.1").read_text() == "before\n" * 10


def test_others_cannot_read_it(tmp_path: Path) -> None:
    EventFile(tmp_path / "events.log").write(b"line\n")
    assert stat.S_IMODE((tmp_path / "events.log").stat().st_mode) == 0o600


@pytest.mark.parametrize("gap", [1, 2, 3])
def test_a_number_that_a_killed_process_left_free_costs_no_older_file(gap: int, tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    kept = [number for number in (1, 2, 3) if number != gap]
    for number in kept:
        (tmp_path / f"events.log.{number}").write_text(f"{number}\n")
    path.write_text("0\n")
    EventFile(path, largest=1, older=3).write(b"new\n")
    assert sorted(written(path)) == sorted(["new", "0", *map(str, kept)])


def test_processes_that_write_at_once_lose_no_line_and_mix_none(tmp_path: Path) -> None:
    path, count = tmp_path / "events.log", 400
    writers = [writer(path, name, count) for name in "abc"]
    for each in writers:
        each.communicate(timeout=PATIENCE_SECONDS)
    assert [each.returncode for each in writers] == [0, 0, 0]
    assert sorted(written(path)) == sorted(f"{name} {number}" for name in "abc" for number in range(count))
    # A full file takes lines until the process that renames it has its turn, and at most its size again.
    assert all(each.stat().st_size < 2 * 2000 + 100 for each in tmp_path.iterdir())


def test_a_writer_that_is_killed_loses_no_line_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    for name in "abcdef":
        process = writer(path, name, 1_000_000)
        until(lambda: len([line for line in written(path) if line.startswith(name)]) > 300)  # noqa: B023 — called here
        process.send_signal(signal.SIGKILL)
        said = _numbers(process)
        assert set(said) <= {int(line[2:]) for line in written(path) if line.startswith(name)}
        assert len(said) > 100


def test_standard_error_follows_to_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    program = (
        "import os, sys; from pathlib import Path; from twinport.logs.file import EventFile\n"
        "file = EventFile(Path(sys.argv[1]), largest=20)\n"
        "for number in range(5): file.write(b'a line of events\\n')\n"
        "os.write(2, b'a line of standard error\\n')\n"
    )
    with path.open("ab") as log:
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
        subprocess.run([sys.executable, "-c", program, str(path)], stderr=log, check=True, env=env)
    assert written(path)[-1] == "a line of standard error"
    assert path.read_text().endswith("a line of standard error\n")


def test_standard_error_that_leads_elsewhere_is_left_alone(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "events.log", largest=1)
    before = [os.fstat(each).st_ino for each in (1, 2)]
    for _ in range(3):
        file.write(b"line\n")
    assert [os.fstat(each).st_ino for each in (1, 2)] == before


@pytest.mark.parametrize(("size", "older"), [(20, 0), (40, 1)])
def test_a_program_that_locks_the_file_for_ever_does_not_let_it_grow_past_twice_its_size(
    size: int, older: int, tmp_path: Path
) -> None:
    path = tmp_path / "events.log"
    path.write_bytes(b"x" * size)
    with path.open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        EventFile(path, largest=20).write(b"line\n")
    assert len(list(tmp_path.iterdir())) == 1 + older
    assert path.read_bytes().endswith(b"line\n")


def test_a_server_whose_full_file_cannot_be_renamed_keeps_no_descriptor_for_each_line(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    for number in range(1, OLDER):
        (tmp_path / f"events.log.{number}").touch()
    # No file can take the place of a folder, as no file can be renamed in a folder of another user.
    (tmp_path / f"events.log.{OLDER}").mkdir()
    path.touch()
    os.truncate(path, LARGEST)
    served = start(tmp_path / "data", TWINPORT_LOG_FILE=str(path), TWINPORT_ACCESS_LOG="true")
    try:
        assert '"log.unwritable"' in (tmp_path / "data.log").read_text()
        before = _descriptors(served)
        for _ in range(40):
            with urllib.request.urlopen(f"{served.url}/_twinport/health", timeout=PATIENCE_SECONDS):
                pass
        assert _descriptors(served) - before < 20
    finally:
        served.stop()


def _descriptors(served: Served) -> int:
    return len(list(Path(f"/proc/{served.process.pid}/fd").iterdir()))


def _numbers(process: subprocess.Popen[bytes]) -> Sequence[int]:
    """Return what a killed process said before: its pipe is read to the end, but for a line that is not whole."""
    said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return [int(line) for line in said.decode().split("\n")[:-1]]
