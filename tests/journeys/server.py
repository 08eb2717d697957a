"""A real `twinport serve` process with a data folder of its own."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from tests.journeys.waiting import until
from tests.ports import free_port
from tests.served import DEFAULTS
from tests.waiting import END_SECONDS, PATIENCE_SECONDS

COMMAND = (sys.executable, "-m", "twinport")
START_SECONDS, STOP_SECONDS = PATIENCE_SECONDS, END_SECONDS


class Server:
    def __init__(
        self,
        folder: Path,
        *options: str,
        database: str | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Name the folder for everything; the catalog goes into a database of PostgreSQL if one is named.

        `settings` are more variables of its environment.
        """
        self.port = free_port()
        self.patience = START_SECONDS
        self._options = options
        self._data = folder / "data"
        self._log = folder / "twinport.log"
        named = {} if database is None else {"TWINPORT_DATABASE": database}
        self.environment = {**_environment(), **DEFAULTS, **named, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def data(self) -> Path:
        return self._data

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def log(self) -> str:
        return self._log.read_text()

    def registry(self, account: str, region: str) -> str:
        """The address of one registry, as docker writes it in front of a repository's name."""
        return f"{self.address}/{account}/{region}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "serve", "--data", str(self._data), "--listen", self.address, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        until("twinport answers /_twinport/health", self._is_healthy, seconds=self.patience)

    def stop(self) -> None:
        """Ask it to end, as an operator would, and insist that it does so in time."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_SECONDS)
        self._process = None

    def kill(self) -> None:
        """End it without a chance to say goodbye."""
        process = self._running()
        process.kill()
        process.wait(timeout=STOP_SECONDS)
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self.log)
        if self._process is not None:
            self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server is not running"
        return self._process

    def _is_healthy(self) -> bool:
        assert self._running().poll() is None, f"twinport ended by itself:\n{self.log}"
        try:
            with urllib.request.urlopen(f"{self.url}/_twinport/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:  # no server there, or none that answers yet
            return False


def _environment() -> dict[str, str]:
    return {name: word for name, word in os.environ.items() if not name.startswith("TWINPORT_")}
