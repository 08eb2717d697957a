"""A private Docker engine, with its own data and its own hosts file."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.journeys.commands import CommandFailed, Program, find, with_mounts
from tests.journeys.waiting import until
from tests.waiting import PATIENCE_SECONDS

START_SECONDS = 30.0
STOP_SECONDS = PATIENCE_SECONDS
CERTIFICATES = Path("/etc/docker/certs.d")


class Engine:
    def __init__(self, folder: Path, hosts: Path, trusted: Path | None = None) -> None:
        """`trusted` takes the place of `/etc/docker/certs.d`, where authorities are that it believes."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        mounts = {"/etc/hosts": hosts}
        if trusted is not None:
            # dockerd makes the folder above it at each start.
            CERTIFICATES.mkdir(parents=True, exist_ok=True)
            mounts[str(CERTIFICATES)] = trusted
        self._daemon = with_mounts(Program((find("dockerd"),), {}), mounts)
        settings = {"DOCKER_HOST": f"unix://{self._socket}", "DOCKER_CONFIG": str(folder / "client")}
        # Manifest lists are pushed by the command itself, not by the engine.
        self.docker = with_mounts(Program((find("docker"),), settings), mounts)

    def __enter__(self) -> Self:
        find("runc")
        with (self._folder / "dockerd.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self._daemon.words, *self._flags()], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until("dockerd answers", self._answers, seconds=START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=STOP_SECONDS)

    def forget_images(self) -> None:
        """Remove every image, so that a pull has to bring each byte again."""
        images = self.docker("image", "ls", "--all", "--quiet").split()
        if images:
            self.docker("image", "rm", "--force", *sorted(set(images)))

    @property
    def _socket(self) -> Path:
        return self._folder / "docker.sock"

    def _flags(self) -> list[str]:
        """Neither a bridge nor firewall rules: the machine's network stays as it is."""
        return [
            *("--host", f"unix://{self._socket}", "--pidfile", str(self._folder / "pid")),
            *("--data-root", str(self._folder / "data"), "--exec-root", str(self._folder / "exec")),
            *("--iptables=false", "--ip6tables=false", "--bridge=none"),
        ]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "dockerd.log").read_text()
        try:
            self.docker("version")
        except CommandFailed:
            return False
        return True
