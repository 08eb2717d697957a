"""One process: the listener, the doors behind it, and the couriers, until a signal ends them in order."""

import asyncio
import contextlib
import resource
import signal
import socket
from datetime import timedelta

from granian.constants import Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from twinport import telemetry
from twinport.app import App
from twinport.config import Settings
from twinport.errors import Unavailable
from twinport.telemetry import Event

# The promise is five seconds from SIGTERM to the end; the rest is for closing the databases.
GRACE = timedelta(seconds=4)
# Who is beyond these waits in the system's queue until a connection ends. It must take far more than a client opens:
# whoever holds all of them locks everybody else out. A stalled head or body is cut off; granian has no limit for
# a connection that never says anything.
MOST_CONNECTIONS = 8192
_QUEUED = 1024
# A connection is one descriptor, and two while it brings or fetches a blob; the rest is for databases and threads.
_DESCRIPTORS_EACH = 2
_OTHER_DESCRIPTORS = 256
# Requests have small heads; without this bound one client's streams could fill the memory with large ones.
_LARGEST_HEAD = 1 << 16
# What is read of a body before anybody asks for it, for each connection; a head must fit too.
_READ_AHEAD = 1 << 17


class AddressTaken(Unavailable):
    """Somebody else listens there."""

    def __init__(self, listen: str, reason: str) -> None:
        super().__init__(
            f"cannot listen on '{listen}': {reason}; stop what uses it, or choose another address with "
            "--listen HOST:PORT or TWINPORT_LISTEN"
        )


def check_address(settings: Settings) -> None:
    """Raise AddressTaken unless the listening address can be had now."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise AddressTaken(settings.listen, (error.strerror or str(error)).lower()) from error


async def serve(app: App, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Requests under way get a few seconds to finish."""
    server = _server(app, settings)
    serving = asyncio.create_task(server.serve())
    telemetry.event(Event.SERVER_STARTED, listen=settings.listen, data=str(settings.data))
    try:
        await _told_to_end_or(serving)
        if not serving.done():
            server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
            await asyncio.wait({serving}, timeout=GRACE.total_seconds())
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    finally:
        app.close()
    telemetry.event(Event.SERVER_STOPPED)


def _server(app: App, settings: Settings) -> Server:
    return Server(
        app.front,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=_QUEUED,
        backpressure=_connections(),
        http1_settings=HTTP1Settings(max_buffer_size=_READ_AHEAD),
        http2_settings=HTTP2Settings(max_headers_size=_LARGEST_HEAD),
        log_enabled=False,
    )


def _connections() -> int:
    """Ask for the descriptors that the most connections take, and return how many the system lets us have."""
    wanted = MOST_CONNECTIONS * _DESCRIPTORS_EACH + _OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    given = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft not in (resource.RLIM_INFINITY, given) and soft < given:
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, hard))
    return max(1, (given - _OTHER_DESCRIPTORS) // _DESCRIPTORS_EACH)


async def _told_to_end_or(serving: "asyncio.Task[None]") -> None:
    """Wait for a signal, or for the server to end by itself."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    waiting = loop.create_task(ended.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
