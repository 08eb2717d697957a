"""zot, which a person builds."""

import json
from pathlib import Path

from benchmarks.peers import running
from benchmarks.peers.running import Command


def command(name: str, folder: Path) -> Command:
    """Return how zot is started, which syncs files when `commit` is set."""
    program, port = running.by_hand("zot", "BENCH_ZOT"), running.port()
    config = folder / "config.json"
    folder.mkdir(parents=True, exist_ok=True)
    storage = {"rootDirectory": str(folder / "data"), "commit": True, "gc": False}
    http = {"address": "127.0.0.1", "port": str(port)}
    config.write_text(json.dumps({"storage": storage, "http": http, "log": {"level": "error"}}))
    return Command(name, [program, "serve", str(config)], port, folder)
