"""The server that the tour is taken on: a `twinport serve` of its own, started and ended with the tour."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp

from twinport.errors import Unavailable

START_SECONDS = 15.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02


class ServerEnded(Unavailable):
    """The server ended by itself."""

    def __init__(self, code: int, said: str = "") -> None:
        because = f": {said}" if said else ""
        super().__init__(f"the server ended with exit code {code}{because}")
        self.code = code


class ServerSilent(Unavailable):
    def __init__(self, url: str) -> None:
        super().__init__(f"the server did not answer on {url} within {START_SECONDS:.0f} seconds of its start")


@asynccontextmanager
async def running(
    arguments: Sequence[str], environment: Mapping[str, str], url: str, events: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start `twinport serve`, wait until it answers, and stop it in an orderly way at the end.

    What it logs is added to the file `events`. Raises ServerEnded, with what it said, if it ends before it answers.
    """
    with events.open("ab") as log:
        said_before = log.tell()
        command = (sys.executable, "-m", "twinport", "serve", *arguments)
        server = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        await _until_it_answers(server, url)
        if server.returncode is not None:
            raise ServerEnded(server.returncode, _said_since(events, said_before))
        yield server
    finally:
        await _stop(server)


async def _until_it_answers(server: asyncio.subprocess.Process, url: str) -> None:
    """Return when the server answers or has ended."""
    try:
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as http:
            while server.returncode is None and not await _is_healthy(http, url):  # noqa: ASYNC110 — another process
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise ServerSilent(url) from error


async def _is_healthy(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/_twinport/health") as answer:
            return answer.status == HTTPStatus.OK
    except aiohttp.ClientError:
        return False


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
    return events.read_bytes()[position:].decode(errors="replace").strip()
