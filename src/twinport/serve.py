"""One process: the listener, the doors behind it, and the couriers, until a signal ends them in order."""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from twinport import signals, telemetry
from twinport.app import App
from twinport.config import Settings
from twinport.errors import Unavailable
from twinport.telemetry import Event

# The promise is five seconds from SIGTERM to the end; the rest is for closing the databases.
GRACE = timedelta(seconds=4)
# Who is beyond these waits in the system's queue until a connection ends. It must take far more than a client opens:
# whoever holds all of them locks everybody else out.
MOST_CONNECTIONS = 8192
_QUEUED = 1024
# A connection is one descriptor, and two while it brings or fetches a blob; the rest is for databases and threads.
_DESCRIPTORS_EACH = 2
_OTHER_DESCRIPTORS = 256
# How long a connection may take to send a head, from its beginning or from the end of the last answer.
_HEAD_LIMIT = timedelta(seconds=30)
_MILLISECOND = timedelta(milliseconds=1)
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
    with listening(settings):
        pass


@contextlib.contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen at the address. From here on clients wait instead of being refused. Raises AddressTaken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.setblocking(False)  # noqa: FBT003 — the standard library's
        try:
            taken.bind((settings.host, settings.port))
            taken.listen(_QUEUED)
        except OSError as error:
            raise AddressTaken(settings.listen, (error.strerror or str(error)).lower()) from error
        yield taken


async def serve(app: App, settings: Settings, taken: socket.socket, lifeline: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, or the end of `lifeline`. Requests under way get a few seconds to finish."""
    server = _server(app, taken)
    serving = asyncio.create_task(server.serve())
    telemetry.event(Event.SERVER_STARTED, listen=settings.listen, data=str(settings.data), process=os.getpid())
    try:
        with signals.ending(lifeline) as ended:
            await _either(ended, serving)
        if not serving.done():
            server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
            await asyncio.wait({serving}, timeout=GRACE.total_seconds())
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    finally:
        app.close()
    telemetry.event(Event.SERVER_STOPPED)


class _Server(Server):
    """granian's, on a socket that listens already and that other processes may share."""

    def __init__(self, taken: socket.socket, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 — granian's own
        super().__init__(*arguments, **options)
        self._taken = taken

    def _init_shared_socket(self) -> None:
        # A descriptor of its own, since granian closes what it was given; its stubs do not tell of these arguments.
        own = {"fd": os.dup(self._taken.fileno()), "uds": False, "backlog": _QUEUED}
        self._shd = SocketHolder(**own)  # type: ignore[assignment]


def _server(app: App, taken: socket.socket) -> Server:
    return _Server(
        taken,
        app.front,
        interface=Interfaces.ASGI,
        websockets=False,
        backpressure=_connections(),
        # One protocol, since telling two apart waits for ever: docs/decisions/0013-a-silent-connection-ends.md.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_LIMIT // _MILLISECOND, max_buffer_size=_READ_AHEAD),
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


async def _either(ended: asyncio.Event, serving: "asyncio.Task[None]") -> None:
    """Wait until told to end, or for the server to end by itself."""
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
