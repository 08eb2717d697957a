"""`twinport drain`: the processes of this host's data folder take on nothing new, so that a node can be ended."""

import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from twinport.commands.options import Config, Data, settings_from
from twinport.errors import NotFound, Refusal
from twinport.processes.draining import notes_in
from twinport.processes.peers import Peer, named_peers_in, this_host

_PAUSE_SECONDS = 0.1

Undo = Annotated[bool, typer.Option("--undo", help="Take on work again.")]
Wait = Annotated[bool, typer.Option("--wait", help="Return when nothing is under way.")]


class NothingRuns(NotFound):
    """No process of this host uses the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"no process of this host runs on the folder '{folder}': name the server's folder with --data DIR"
        )


class OutOfReach(Refusal):
    """A process lives, and this command cannot send it a signal."""

    def __init__(self, process: Peer) -> None:
        super().__init__(
            f"the {process.kind} {process.pid} was told nothing: run this as its user, and inside its container"
        )


def drain(*, undo: Undo = False, wait: Wait = False, data: Data = None, config: Config = None) -> None:
    """Let the processes of this node take on nothing new.

    These are the servers and workers of this host on the folder.

    Readiness becomes 503, and answers close their connections. Requests are still answered. A restart ends it.
    """
    folder = settings_from(data, None, config).data
    found = _processes(folder)
    for name, process in found.items():
        _send(process, signal.SIGUSR2 if undo else signal.SIGUSR1)
        typer.echo(f"{process.kind} {process.pid}: {'takes on work again' if undo else 'drains'} ({name})")
    while wait and not _is_settled(folder, list(found), undo=undo):
        time.sleep(_PAUSE_SECONDS)


def _processes(folder: Path) -> dict[str, Peer]:
    """Return the living processes that serve or work here, by name. Raises NothingRuns."""
    peers = named_peers_in(folder / "processes", this_host())
    found = {name: each for name, each in peers.items() if each.is_alive and each.kind in ("server", "worker")}
    if not found:
        raise NothingRuns(folder)
    return found


def _send(process: Peer, number: signal.Signals) -> None:
    """Send a signal, unless the process has ended by now. Raises OutOfReach."""
    if process.pid is None or not _is_ours(process.pid):
        raise OutOfReach(process)
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise OutOfReach(process) from error


def _is_ours(pid: int) -> bool:
    """Tell whether the number is one of ours here: a container has process ids of its own."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"twinport" in words


def _is_settled(folder: Path, names: list[str], *, undo: bool) -> bool:
    """Tell whether each process has followed the order, or has ended."""
    told, living = notes_in(folder / "draining"), named_peers_in(folder / "processes", this_host())
    left = [name for name in names if name in living and living[name].is_alive]
    return not any(name in told for name in left) if undo else all(told.get(name, False) for name in left)
