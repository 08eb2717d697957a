"""`twinport run` and `twinport demo`: a server, and the tour on it."""

import asyncio
import contextlib
import os
import shlex
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from twinport import __version__
from twinport.catalog.engine import folders
from twinport.commands.start_notice import program
from twinport.errors import Refusal
from twinport.files import private_files
from twinport.processes import listeners, signals
from twinport.settings.loading import Settings
from twinport.settings.storage import EncryptionAtRest
from twinport.tour import guide
from twinport.tour.child import ServerEnded, running
from twinport.tour.screen import Screen, console_of, next_commands, result

_ENCRYPTION = "TWINPORT_ENCRYPTION_AT_REST"


class ClosedAccounts(Refusal):
    def __init__(self, listen: str) -> None:
        super().__init__(
            f"the tour acts as the roots of two open accounts, and there are none on '{listen}'; listen on a loopback "
            "address and leave 'open_accounts' alone, or start the server without the tour: 'twinport serve'"
        )


class PlainTour(Refusal):
    def __init__(self) -> None:
        super().__init__(
            "the tour speaks plain HTTP, and the settings ask for https; start the server alone with 'twinport serve'"
        )


async def run(settings: Settings, arguments: Sequence[str]) -> None:
    """Serve with these `twinport serve` arguments, take the tour, and stay until a signal stops the server."""
    if not settings.has_open_accounts:
        raise ClosedAccounts(settings.listen)
    if settings.has_tls:
        raise PlainTour
    with contextlib.suppress(asyncio.CancelledError):
        _cancel_on_signals()
        await _tour_and_stay(settings, arguments)


async def demo() -> None:
    """Take the tour on a server and a data folder that are deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="twinport-demo-") as folder:
        listen = f"127.0.0.1:{_free_port()}"
        arguments = ("--data", f"{folder}/data", "--listen", listen, "--open")
        untouched = {name: value for name, value in os.environ.items() if not name.startswith("TWINPORT_")}
        console, url = console_of(sys.stdout), f"http://{listen}"
        async with running(
            arguments,
            {**untouched, _ENCRYPTION: EncryptionAtRest.RECORD.value},
            url,
            Path(folder) / "events.log",
            _teller(console),
        ):
            await _tour(console, url)


async def _tour_and_stay(settings: Settings, arguments: Sequence[str]) -> None:
    console, url = console_of(sys.stdout), f"http://{settings.listen}"
    tell = _teller(console)
    for sentence in known_before(settings):
        tell(sentence)
    events = _events_file(settings.data) if settings.log_file is None else settings.log_file
    environment = {**os.environ, _ENCRYPTION: settings.encryption_at_rest.value}
    async with running(arguments, environment, url, events, tell) as server:
        tell(f"twinport {__version__} is up on {url}, its data in {settings.data.resolve()}")
        console.print("(in a browser that address is the console)\n")
        tag = await _tour(console, url)
        tell(f"\nTry next, in another terminal:\n\n{next_commands(url, tag)}\n\n  {status_command(settings)}")
        tell(f"\ntwinport stays up, its events go to {events}; Ctrl-C ends it")
        raise ServerEnded(await server.wait())


async def _tour(console: Console, url: str) -> str:
    """Take the tour, print its table, and return the tag that was pushed."""
    with Screen(console) as screen:
        taken = await guide.take(url, screen)
    console.print()
    console.print(result(taken))
    return taken.tag


def _teller(console: Console) -> Callable[[str], None]:
    """Return a function that prints sentences unwrapped: a terminal wraps lines without changing copied text."""
    return lambda sentence: console.print(sentence, soft_wrap=True, markup=False)


def known_before(settings: Settings) -> list[str]:
    """Warn of surprises in the folder: another server on it, or files of other programs in it."""
    found = [
        f"a server already runs on the folder '{settings.data}' and listens on {each.url}; this one joins it"
        for each in listeners.running(settings.data)
    ]
    others = private_files.others_in(settings.data)
    return [*found, *([private_files.words_of_others(settings.data, others)] if others else [])]


def status_command(settings: Settings) -> str:
    """Return the command that shows the status of this server, from any folder."""
    options = ["--data", str(settings.data.resolve()), "--listen", settings.listen]
    return " ".join([program(str(Path(sys.argv[0]).absolute())), "status", *map(shlex.quote, options)])


def _events_file(data: Path) -> Path:
    folders.make(data)
    return data / "events.log"


def _cancel_on_signals() -> None:
    """Cancel the tour at a signal, at any point. The server is then stopped in an orderly way."""
    here = asyncio.current_task()
    assert here is not None  # noqa: S101 — a coroutine runs in a task
    signals.call_at(signals.ENDING, here.cancel)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
