"""The listener: granian on a socket that listens already, with or without a certificate, which may be renewed.

A new server on the same socket shows a new certificate. The old server accepts no more connections and ends when its
requests are done, so a renewal breaks no upload.
"""

import asyncio
import contextlib
import os
import resource
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from twinport.http.application import Application
from twinport.http.tls import Certificate

# Connections above this limit wait in the system's accept queue until a connection ends. The limit must be far above
# the number that one client opens: a client that holds all connections locks all other clients out.
MOST_CONNECTIONS = 8192
QUEUED = 1024
# A connection takes one descriptor, and two while it transfers a blob. The rest is for databases and threads.
_DESCRIPTORS_EACH = 2
_OTHER_DESCRIPTORS = 256
# How long a client may take to send a head, from the start of the connection or the end of the last answer.
_HEAD_LIMIT = timedelta(seconds=30)
_MILLISECOND = timedelta(milliseconds=1)
# Requests have small heads. Without this bound one client's streams could fill the memory with large heads.
_LARGEST_HEAD = 1 << 16
# The buffer of each connection for the part of a body that no door has requested yet. A head must fit too.
_READ_AHEAD = 1 << 17


@dataclass(slots=True)
class Listener:
    """Serves `application` on the socket `taken`: HTTP/1.1 without TLS, and the modes in `modes_over_tls` with TLS."""

    application: Application
    taken: socket.socket
    modes_over_tls: HTTPModes = HTTPModes.auto
    most_connections: int = MOST_CONNECTIONS
    _server: "_Server | None" = None
    _serving: "asyncio.Task[None] | None" = None
    _draining: "set[asyncio.Task[None]]" = field(default_factory=set)

    def show(self, certificate: Certificate | None) -> None:
        """Begin to serve with this certificate, or over plain HTTP. The previous server finishes its requests."""
        old, serving = self._server, self._serving
        self._server = _server(self, certificate)
        self._serving = asyncio.create_task(self._server.serve())
        if old is not None and serving is not None:
            old.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
            self._draining.add(serving)
            serving.add_done_callback(self._draining.discard)

    @property
    def serving(self) -> "asyncio.Task[None]":
        """The task of the accepting server. It ends by itself only if the server cannot go on."""
        assert self._serving is not None, "nothing is shown yet"  # noqa: S101 — an order that the caller keeps
        return self._serving

    async def end(self, within: timedelta) -> None:
        """Accept no more connections, and give running requests some time to finish. Raises what ended the server."""
        if self._server is None:
            return
        if not self.serving.done():
            self._server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
        under_way = {self.serving, *self._draining}
        await asyncio.wait(under_way, timeout=within.total_seconds())
        for task in under_way:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.serving


class _Server(Server):
    """granian's server, on a socket that listens already and that other processes may share."""

    def __init__(self, taken: socket.socket, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 — granian's own
        super().__init__(*arguments, **options)
        self._taken = taken

    def _init_shared_socket(self) -> None:
        # granian gets its own descriptor, since it closes it. granian's stubs lack these arguments.
        own = {"fd": os.dup(self._taken.fileno()), "uds": False, "backlog": QUEUED}
        self._shd = SocketHolder(**own)  # type: ignore[assignment]


def _server(listener: Listener, certificate: Certificate | None) -> _Server:
    return _Server(
        listener.taken,
        listener.application,
        interface=Interfaces.ASGINL,
        websockets=False,
        backpressure=min(listener.most_connections, _connections()),
        # Only one protocol: detection of two waits forever (docs/decisions/0013-a-silent-connection-ends.md).
        http=HTTPModes.http1 if certificate is None else listener.modes_over_tls,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_LIMIT // _MILLISECOND, max_buffer_size=_READ_AHEAD),
        http2_settings=HTTP2Settings(max_headers_size=_LARGEST_HEAD),
        log_enabled=False,
        ssl_cert=None if certificate is None else certificate.chain,
        ssl_key=None if certificate is None else certificate.key,
        ssl_protocol_min=SSLProtocols.tls12,
    )


def _connections() -> int:
    """Request descriptors for the most connections, and return how many connections the system allows."""
    wanted = MOST_CONNECTIONS * _DESCRIPTORS_EACH + _OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    given = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft not in (resource.RLIM_INFINITY, given) and soft < given:
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, hard))
    return max(1, (given - _OTHER_DESCRIPTORS) // _DESCRIPTORS_EACH)
