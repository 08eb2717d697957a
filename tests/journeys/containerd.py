"""A private containerd, with its own data."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.journeys.commands import CommandFailed, Program, find
from tests.journeys.waiting import until
from tests.waiting import PATIENCE_SECONDS

START_SECONDS = 30.0
STOP_SECONDS = PATIENCE_SECONDS


class Containerd:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.ctr = Program((find("ctr"), "--address", str(folder / "socket")), {})

    def __enter__(self) -> Self:
        find("runc")
        settings = self._folder / "config.toml"
        settings.write_text(
            f'version = 2\nroot = "{self._folder}/root"\nstate = "{self._folder}/state"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{self._folder}/socket"\n'
        )
        with (self._folder / "containerd.log").open("wb") as log:
            command = [find("containerd"), "--config", str(settings)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until("containerd answers", self._answers, seconds=START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=STOP_SECONDS)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "containerd.log").read_text()
        try:
            self.ctr("version")
        except CommandFailed:
            return False
        return True
