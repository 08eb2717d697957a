"""One process: the listener, the doors behind it, and the couriers, until a signal ends them in order."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta

from granian.constants import HTTPModes

from twinport import __version__
from twinport.catalog.partition import accounts
from twinport.clock import WallClock
from twinport.commands.encryption_warning import warn_of_keys
from twinport.commands.start_notice import Invocation, notice, ways_in
from twinport.composition.app import App
from twinport.composition.node_drain import NodeDrain
from twinport.errors import ConfigurationWrong, Unavailable
from twinport.http import tls
from twinport.http.listener import QUEUED, Listener
from twinport.http.metrics_listener import metrics_shown
from twinport.http.tls import Certificate
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.processes import listeners, signals
from twinport.processes.listeners import Listening
from twinport.processes.supervisor import ParentWatch
from twinport.settings.loading import Settings
from twinport.settings.open_accounts import OpenAccounts
from twinport.settings.own_address import url_of

# We promise five seconds from SIGTERM to the end, and a supervisor waits a little less. GRACE is for requests and
# couriers, CLOSING for the databases.
GRACE = timedelta(seconds=4)
CLOSING = timedelta(seconds=0.4)


class AddressTaken(Unavailable):
    """Another program listens at the address. `running` is the server of the same data folder there, if it is one."""

    def __init__(self, listen: str, reason: str, data: str, running: Listening | None = None) -> None:
        ours = "" if running is None else f": a server already runs on the folder '{data}' and listens on {running.url}"
        stop = "stop what uses it" if running is None else f"use it, or end its process {running.pid}"
        super().__init__(
            f"cannot listen on '{listen}': {reason}{ours}; {stop}, or choose another address with "
            "--listen HOST:PORT or TWINPORT_LISTEN"
        )


def check_address(settings: Settings) -> None:
    """Raise AddressTaken unless the listening address is free now."""
    with listening(settings):
        pass


def certificate(settings: Settings) -> Certificate | None:
    """Return the certificate to serve with, None for plain HTTP. Raises ConfigurationWrong."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return tls.read(settings.tls_cert, settings.tls_key, WallClock().now())


@contextlib.contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen at the address. From now on clients wait instead of being refused. Raises AddressTaken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit this option. The head and the file of an answer go out in two writes. Without the
        # option the second write waits up to 40 ms for the client's acknowledgment of the first.
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken.setblocking(False)  # noqa: FBT003 — the standard library's
        try:
            taken.bind((settings.host, settings.port))
            taken.listen(QUEUED)
        except OSError as error:
            port = f":{settings.port}"
            ours = (each for each in listeners.running(settings.data) if each.url.endswith(port))
            running = next(ours, None)
            reason = (error.strerror or str(error)).lower()
            raise AddressTaken(settings.listen, reason, str(settings.data), running) from error
        yield taken


async def serve(
    app: App,
    settings: Settings,
    taken: socket.socket,
    parent: ParentWatch | None = None,
    invoked: Invocation | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or the end of the parent. Running requests get a few seconds to finish.

    `invoked` is how a person started the server. With a certificate, SIGHUP reads it again. Raises ConfigurationWrong
    if the certificate cannot be used, and WriterDied after an orderly end because of a broken part.
    """
    listener = Listener(app.application, taken, HTTPModes.auto if settings.http2 else HTTPModes.http1)
    try:
        with signals.ending(None if parent is None else parent.lifeline) as ended:
            app.breakdown.on_report(signals.setter(ended))
            drain = NodeDrain(app)
            drain.listen()
            if await signals.unless(ended, app.tasks.start()):
                with _noted(app, settings, taken, parent), signals.hangups(settings.has_tls) as renewed:
                    async with metrics_shown(app.metrics_application, settings), drain.followed():
                        listener.show(certificate(settings))
                        if parent is not None:
                            parent.ready()
                        await _tell_of_start(app, settings, taken, None if _is_a_later_one(parent) else invoked)
                        await _warn_of_keys(app, settings, ended, parent)
                        await _serve_until(ended, renewed, listener, settings)
        await asyncio.gather(listener.end(GRACE), app.tasks.stop(GRACE))
    finally:
        app.close(CLOSING)
    telemetry.event(Event.SERVER_STOPPED)
    app.breakdown.check()


def _noted(
    app: App, settings: Settings, taken: socket.socket, parent: ParentWatch | None
) -> contextlib.AbstractContextManager[None]:
    """Note this process's address for commands on the same folder. Of several processes, the pid is their parent's."""
    url = url_of(settings, taken.getsockname()[1])
    pid = os.getpid() if parent is None else os.getppid()
    name = app.tasks.peers.name
    return listeners.noted(settings.data, name, Listening(url, settings.opening.words, pid))


def _is_a_later_one(parent: ParentWatch | None) -> bool:
    """Tell whether this is one of several processes, and not the first of them."""
    return parent is not None and parent.readiness is None


async def _tell_of_start(app: App, settings: Settings, taken: socket.socket, invoked: Invocation | None) -> None:
    """Report the start: in a notice for a person, else as an event. Only the first process is `invoked`."""
    if invoked is None:
        telemetry.event(Event.SERVER_STARTED, **_facts(settings, taken))
        return
    has_account = settings.has_open_accounts or await app.catalog.partition.read(accounts.is_any)
    if telemetry.is_read_by_a_person():
        sys.stderr.write(notice(settings, taken.getsockname()[1], invoked, has_account=has_account))
        sys.stderr.flush()
    else:
        telemetry.event(Event.SERVER_STARTED, **_facts(settings, taken))
        if not has_account:
            (_, create), (_, reopen) = ways_in(settings, invoked)
            telemetry.event(Event.ACCOUNTS_NONE_YET, create_one=create, open_all=reopen)
    _warn_of_open_accounts(settings)


def _facts(settings: Settings, taken: socket.socket) -> dict[str, str | int | bool]:
    """Return the facts of the start. The database's address may hold a password, so only its kind is included."""
    host, port, *_ = taken.getsockname()
    return {
        "version": __version__,
        "listen": settings.listen,
        "address": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "tls": settings.has_tls,
        "accounts": settings.opening.words,
        "database": "sqlite" if settings.database is None else "postgresql",
        "data": str(settings.data),
        "layers": settings.layers,
        "encryption_at_rest": settings.encryption_at_rest.value,
        "process": os.getpid(),
    }


def _warn_of_open_accounts(settings: Settings) -> None:
    """Warn of settings that the operator may not have meant: accounts open to strangers, or open to no client."""
    if settings.opening is OpenAccounts.EVERYWHERE:
        reason = "every client that reaches this server, by a proxy too, is root of every account with a public secret"
        if not settings.is_on_loopback:
            telemetry.warning(Event.ACCOUNTS_OPEN_TO_OTHERS, listen=settings.listen, reason=reason)
        return
    if settings.open_accounts is not settings.opening:
        reason = "'open_accounts' is for loopback addresses; say open_accounts = \"everywhere\" if others may be root"
        telemetry.warning(Event.ACCOUNTS_NOT_OPENED, listen=settings.listen, reason=reason)


async def _warn_of_keys(app: App, settings: Settings, ended: asyncio.Event, parent: ParentWatch | None) -> None:
    """Warn, once a deployment, of repositories with keys of KMS where new ones are refused."""
    if not settings.encryption_at_rest.takes_keys and not _is_a_later_one(parent):
        await signals.unless(ended, warn_of_keys(app.catalog))


async def _serve_until(ended: asyncio.Event, renewed: asyncio.Event, listener: Listener, settings: Settings) -> None:
    """Wait until a signal ends the server, or it has ended by itself. Show a renewed certificate meanwhile."""
    while not (ended.is_set() or listener.serving.done()):
        waiting = [asyncio.create_task(each.wait()) for each in (ended, renewed)]
        await asyncio.wait({listener.serving, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if renewed.is_set():
            renewed.clear()
            _renew(listener, settings)


def _renew(listener: Listener, settings: Settings) -> None:
    """Load and show the current certificate. If it cannot be used, keep the previous one."""
    try:
        new = certificate(settings)
    except ConfigurationWrong as refusal:
        telemetry.warning(Event.CERTIFICATE_REFUSED, reason="; ".join(refusal.problems))
        return
    listener.show(new)
    telemetry.event(Event.CERTIFICATE_SHOWN, until=new.ends_at.isoformat() if new else None)
