"""The separate listener for metrics. Each process of a host may listen there, and answers for all of them."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

from twinport.errors import Unavailable
from twinport.http.application import Application
from twinport.http.listener import Listener
from twinport.settings.loading import Settings
from twinport.settings.parsers import host_and_port

# Enough for a few scrapers, each with a connection or two.
_MOST_CONNECTIONS = 64
# Prometheus keeps its connection open, and repeats an interrupted scrape.
_GRACE = timedelta(seconds=0.1)


class MetricsAddressTaken(Unavailable):
    """Another program listens there."""

    def __init__(self, listen: str, reason: str) -> None:
        super().__init__(
            f"cannot listen on '{listen}' for metrics: {reason}; stop what uses it, or choose another 'metrics_listen'"
        )


@contextlib.asynccontextmanager
async def metrics_shown(application: Application, settings: Settings) -> AsyncIterator[None]:
    """Answer scrapes at `metrics_listen` while the block runs, if it is set. Raises MetricsAddressTaken."""
    if settings.metrics_listen is None:
        yield
        return
    with _listening(settings.metrics_listen) as taken:
        listener = Listener(application, taken, most_connections=_MOST_CONNECTIONS)
        listener.show(None)
        try:
            yield
        finally:
            await listener.end(_GRACE)


@contextlib.contextmanager
def _listening(listen: str) -> Iterator[socket.socket]:
    host, port = host_and_port(listen)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as taken:
        # Only processes of one user can share the address: those of `serve --workers N`, and workers beside it.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.setblocking(False)  # noqa: FBT003 — the standard library's
        try:
            taken.bind((host, port))
            taken.listen(_MOST_CONNECTIONS)
        except OSError as error:
            raise MetricsAddressTaken(listen, (error.strerror or str(error)).lower()) from error
        yield taken
