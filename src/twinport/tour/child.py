"""The tour's own server: a `twinport serve` process, started and ended with the tour."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp

from twinport.errors import Unavailable

TELL_EVERY_SECONDS = 5.0
LOOK_SECONDS = 5.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02


class ServerEnded(Unavailable):
    """The server ended by itself."""

    def __init__(self, code: int, said: str = "") -> None:
        because = f": {said}" if said else ""
        super().__init__(f"the server ended with exit code {code}{because}")
        self.code = code


@asynccontextmanager
async def running(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    url: str,
    events: Path,
    tell: Callable[[str], None],
    *,
    tell_every: float = TELL_EVERY_SECONDS,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start `twinport serve`, wait until it answers, and stop it in an orderly way at the end.

    The wait lasts as long as the server lives: only the user knows how slow the machine is. `tell` receives what the
    tour waits for. The server appends its events to the file `events`, and starts a new file when it is full
    (`log_file`). Its other output goes there too. Raises ServerEnded, with this output, if the server ends before it
    answers.
    """
    with events.open("ab") as log:
        said_before = log.tell()
        command = (sys.executable, "-m", "twinport", "serve", *arguments)
        server = await asyncio.create_subprocess_exec(
            *command,
            env={**environment, "TWINPORT_LOG_FILE": str(events)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        await _until_it_answers(server, url, lambda: tell(_waiting_for(url, server.pid, events)), tell_every)
        if server.returncode is not None:
            raise ServerEnded(server.returncode, _said_since(events, said_before))
        yield server
    finally:
        await _stop(server)


async def _until_it_answers(
    server: asyncio.subprocess.Process, url: str, tell: Callable[[], None], tell_every: float
) -> None:
    """Wait until the server answers or has ended."""
    loop = asyncio.get_running_loop()
    tell_at = loop.time() + tell_every
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LOOK_SECONDS)) as http:
        while server.returncode is None and not await _is_healthy(http, url):
            await asyncio.sleep(POLL_SECONDS)
            if loop.time() >= tell_at:
                tell()
                tell_at = loop.time() + tell_every


async def _is_healthy(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/_twinport/health") as answer:
            return answer.status == HTTPStatus.OK
    except (aiohttp.ClientError, TimeoutError):
        return False


def _waiting_for(url: str, pid: int, events: Path) -> str:
    return f"waiting for the server to answer on {url}: process {pid} is starting, its events go to {events}"


async def _stop(server: asyncio.subprocess.Process) -> None:
    if server.returncode is not None:
        return
    server.terminate()
    try:
        await asyncio.wait_for(server.wait(), STOP_SECONDS)
    except TimeoutError:
        server.kill()
        await server.wait()


def _said_since(events: Path, position: int) -> str:
    """Return the content of the file after a position. A shorter file is a new one and is read whole."""
    whole = events.read_bytes()
    return whole[position if position <= len(whole) else 0 :].decode(errors="replace").strip()
