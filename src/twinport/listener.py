"""The listener: granian on a socket that listens already, with or without a certificate, which may be renewed.

A new certificate is shown by a new server on the same socket. The old one accepts nobody any more and ends when what it
has begun is done, so a renewal breaks no upload.
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

from twinport.front import Front
from twinport.tls import Certificate

# Who is beyond these waits in the system's queue until a connection ends. It must take far more than a client opens:
# whoever holds all of them locks everybody else out.
MOST_CONNECTIONS = 8192
QUEUED = 1024
# A connection is one descriptor, and two while it brings or fetches a blob; the rest is for databases and threads.
_DESCRIPTORS_EACH = 2
_OTHER_DESCRIPTORS = 256
# How long a connection may take to send a head, from its beginning or from the end of the last answer.
_HEAD_LIMIT = timedelta(seconds=30)
_MILLISECOND = timedelta(milliseconds=1)
# Requests have small heads; without this bound one client's streams could fill the memory with large ones.
_LARGEST_HEAD = 1 << 16
# What is read of a body before anybody asks for it, for each connection; a head must fit too.
_READ_AHEAD = 1 << 17


@dataclass(slots=True)
class Listener:
    """Serves `front` on the socket `taken`: HTTP/1.1 in the clear, and what `modes_over_tls` says over TLS."""

    front: Front
    taken: socket.socket
    modes_over_tls: HTTPModes = HTTPModes.auto
    most_connections: int = MOST_CONNECTIONS
    _server: "_Server | None" = None
    _serving: "asyncio.Task[None] | None" = None
    _draining: "set[asyncio.Task[None]]" = field(default_factory=set)

    def show(self, certificate: Certificate | None) -> None:
        """Begin to serve with this certificate, or over plain HTTP; whoever served until now finishes."""
        old, serving = self._server, self._serving
        self._server = _server(self, certificate)
        self._serving = asyncio.create_task(self._server.serve())
        if old is not None and serving is not None:
            old.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
            self._draining.add(serving)
            serving.add_done_callback(self._draining.discard)

    @property
    def serving(self) -> "asyncio.Task[None]":
        """The server that accepts. It ends by itself only if it cannot go on."""
        assert self._serving is not None, "nothing is shown yet"  # noqa: S101 — an order that the caller keeps
        return self._serving

    async def end(self, within: timedelta) -> None:
        """Accept nobody any more, and give requests under way some time to finish. Raises what ended the server."""
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
    """granian's, on a socket that listens already and that other processes may share."""

    def __init__(self, taken: socket.socket, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 — granian's own
        super().__init__(*arguments, **options)
        self._taken = taken

    def _init_shared_socket(self) -> None:
        # A descriptor of its own, since granian closes what it was given; its stubs do not tell of these arguments.
        own = {"fd": os.dup(self._taken.fileno()), "uds": False, "backlog": QUEUED}
        self._shd = SocketHolder(**own)  # type: ignore[assignment]


def _server(listener: Listener, certificate: Certificate | None) -> _Server:
    return _Server(
        listener.taken,
        listener.front,
        interface=Interfaces.ASGINL,
        websockets=False,
        backpressure=min(listener.most_connections, _connections()),
        # One protocol, since telling two apart waits for ever: docs/decisions/0013-a-silent-connection-ends.md.
        http=HTTPModes.http1 if certificate is None else listener.modes_over_tls,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_LIMIT // _MILLISECOND, max_buffer_size=_READ_AHEAD),
        http2_settings=HTTP2Settings(max_headers_size=_LARGEST_HEAD),
        log_enabled=False,
        ssl_cert=None if certificate is None else certificate.chain,
        ssl_key=None if certificate is None else certificate.key,
        ssl_protocol_min=SSLProtocols.tls12,
    )


def _connections() -> int:
    """Ask for the descriptors that the most connections take, and return how many the system lets us have."""
    wanted = MOST_CONNECTIONS * _DESCRIPTORS_EACH + _OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    given = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft not in (resource.RLIM_INFINITY, given) and soft < given:
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, hard))
    return max(1, (given - _OTHER_DESCRIPTORS) // _DESCRIPTORS_EACH)
