"""olareg, which a person builds."""

from pathlib import Path

from benchmarks.peers import running
from benchmarks.peers.running import Command


def command(name: str, folder: Path) -> Command:
    """Return how olareg is started on a folder; it never syncs."""
    program, port = running.by_hand("olareg", "BENCH_OLAREG"), running.port()
    words = [program, "serve", "--store-type", "dir", "--dir", str(folder / "data"), "--addr", "127.0.0.1"]
    return Command(name, [*words, "--port", str(port)], port, folder)
