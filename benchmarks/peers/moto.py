"""moto's server: a fake of AWS for tests, the only other one that answers ECR's API here."""

import importlib.util
import sys
from pathlib import Path

from benchmarks.peers import running
from benchmarks.peers.running import Command, NotHere


def command(name: str, folder: Path) -> Command:
    """Return how moto's server is started, which keeps everything in memory and checks no signature."""
    if importlib.util.find_spec("moto") is None:
        raise NotHere("Python has no module moto: make bench installs it")
    port = running.port()
    return Command(name, [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port, folder, "/")
