"""moto's server: a fake of AWS for tests, the only other one that answers ECR's API here."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import running
from benchmarks.peers.running import Command, NotHere, Server


def command(name: str, folder: Path) -> Command:
    """Return how moto's server is started, which keeps everything in memory and checks no signature."""
    if importlib.util.find_spec("moto") is None:
        raise NotHere("Python has no module moto: make bench installs it")
    port = running.port()
    return Command(name, [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port, folder, "/")


def launch(how: Command) -> Server:
    """Start moto's server; any key is the account's root there."""
    return replace(running.launch(how), key="AKIAIOSFODNN7EXAMPLE:secret")
