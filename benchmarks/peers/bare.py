"""Servers that do nothing: they show the most that the load generator and the HTTP server can do on this machine."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers import running
from benchmarks.peers.running import Command


def generator(name: str, folder: Path, program: Path) -> Command:
    """Return how the load generator's own server is started, which answers from memory."""
    port = running.port()
    return Command(name, [str(program), "bare", "-address", f"127.0.0.1:{port}"], port, folder)


def granian(name: str, folder: Path) -> Command:
    """Return how granian is started with an application that answers two bytes."""
    port = running.port()
    words = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    return Command(name, [*words, "--log-level", "error", "benchmarks.peers.bare:application"], port, folder)


async def application(
    scope: Mapping[str, Any],
    _receive: Callable[[], Awaitable[object]],
    send: Callable[[Mapping[str, object]], Awaitable[None]],
) -> None:
    """Answer every request with two bytes."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})
