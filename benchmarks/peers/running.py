"""What every contender is: a server in a process of its own, with an address, on the disk that is measured."""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

_START_LIMIT, _END_LIMIT, _LOOK_AGAIN = 60.0, 20.0, 0.005


class NotHere(Exception):
    """A contender that the machine cannot have; the message says why."""


@dataclass(frozen=True)
class Command:
    """How a contender is started, where it then answers, and its variables."""

    name: str
    words: Sequence[str]
    port: int
    folder: Path
    health: str = "/v2/"
    variables: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Server:
    """A running contender."""

    command: Command
    process: subprocess.Popen[bytes]
    start_ms: float
    # USER:PASSWORD of a client of the registry, and ACCESS-KEY-ID:SECRET of a client of ECR.
    user: str = ""
    key: str = ""

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.command.port}"

    def path(self, repository: str, region: str = "") -> str:  # noqa: ARG002 — peers have no Regions
        """Return what stands for the repository in a path below /v2/."""
        return repository

    def make_repository(self, name: str) -> None:
        """Make a repository, where a push does not."""

    def stop(self) -> float:
        """End it, and return how many milliseconds that took."""
        begun = time.perf_counter()
        self.process.terminate()
        try:
            self.process.wait(_END_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return (time.perf_counter() - begun) * 1000


def port() -> int:
    """Return a port that no other program is given."""
    return free_port()


def by_hand(name: str, variable: str) -> str:
    """Return the program that a person built, which a variable names or PATH has."""
    program = os.environ.get(variable) or shutil.which(name)
    if program is None:
        raise NotHere(f"no program named {name} is on PATH, and {variable} names none")
    return program


def launch(command: Command) -> Server:
    """Start a server and return when it answers; its folder keeps what it says."""
    command.folder.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    with (command.folder / "log").open("ab") as log:
        variables = {**_environment(), **(command.variables or {})}
        process = subprocess.Popen(command.words, stdout=log, stderr=log, env=variables)
    try:
        _wait(command, process)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Server(command, process, (time.perf_counter() - begun) * 1000)


def _environment() -> Mapping[str, str]:
    """Return the variables of this process without settings of twinport; what is imported is compiled once."""
    root = Path(__file__).parents[2]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TWINPORT_")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}


def _wait(command: Command, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_LIMIT
    while not _answers(f"http://127.0.0.1:{command.port}{command.health}"):
        if process.poll() is not None:
            raise NotHere(f"it ended with {process.returncode}: {_last_words(command)}")
        if time.monotonic() > deadline:
            raise NotHere(f"it did not answer within {_START_LIMIT:.0f} s: {_last_words(command)}")
        time.sleep(_LOOK_AGAIN)


def _answers(url: str) -> bool:
    """Tell whether a server answers, with whatever status."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _last_words(command: Command) -> str:
    return (command.folder / "log").read_text(errors="replace")[-400:].strip()
