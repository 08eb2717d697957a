"""A thousand connections of every kind, and ten thousand uploads that stay unfinished: others are served meanwhile."""

import asyncio
import hashlib
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import pytest

from tests.hostile import UPLOADS, Target, attacked, wait_until

SILENT, HALF_HEADED, SLOW_HEADED, SLOW_BODIED, UNREAD, ACTIVE = 250, 150, 100, 200, 100, 200
ABANDONED, TOGETHER = 10_000, 16
PART = b"p" * 1024
BLOB = hashlib.shake_256(b"blob").digest(8 << 20)
# The listener's limit for a head is 30 seconds; a loaded machine may be late.
CUT_OFF_SECONDS, DEADLINE_SECONDS = 60.0, 120.0
# What is promised of each connection, beside all bodies on their way: docs/reference/registry-protocol.md.
MEGABYTES_EACH, MEGABYTES_TOGETHER = 0.4, 100
_NUMBERS = count()


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Line:
    """One connection."""

    target: Target
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(
        self, method: str, place: str, body: bytes = b"", more: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request and return status, headers and body."""
        self.writer.write(self.target.head(method, place, str(len(body)), more) + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
        size = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        return int(head.split()[1]), headers, await self.reader.readexactly(size)

    async def push_and_pull(self) -> None:
        """Bring a blob that was never here, and fetch it."""
        content = f"blob {next(_NUMBERS)}".encode()
        status, _, _ = await self.ask("POST", f"{UPLOADS}?digest={digest_of(content)}", content)
        assert status == 201
        assert (await self.ask("GET", f"/v2/team/api/blobs/{digest_of(content)}"))[2] == content

    async def ended(self) -> None:
        """Return when the server ends the connection, whatever it says before."""
        while await self.reader.read(65536):
            pass


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard) if hard != resource.RLIM_INFINITY else 8192, hard))
    with attacked(tmp_path) as target:
        yield target
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.served.port)
    try:
        yield Line(target, reader, writer)
    finally:
        writer.transport.abort()


async def say_nothing(line: Line) -> None:
    await line.ended()


async def begin_a_head(line: Line) -> None:
    line.writer.write(b"GET /v2/ HTTP/1.1\r\nHo")
    await line.ended()


async def lengthen_a_head(line: Line) -> None:
    line.writer.write(b"GET /v2/ HTTP/1.1\r\n")
    ended = asyncio.ensure_future(line.ended())
    while not (await asyncio.wait({ended}, timeout=1))[0]:
        line.writer.write(b"X: y\r\n")
    await ended


async def trickle_a_body(line: Line) -> None:
    _, headers, _ = await line.ask("POST", UPLOADS)
    line.writer.write(line.target.head("PATCH", headers["location"], "100000000"))
    while True:
        line.writer.write(b"x")
        await asyncio.sleep(1)


async def read_nothing(line: Line) -> None:
    line.writer.write(line.target.head("GET", f"/v2/team/api/blobs/{digest_of(BLOB)}"))
    await asyncio.Event().wait()


async def work(line: Line) -> None:
    while True:
        await line.push_and_pull()


CUT_OFF = {say_nothing: SILENT, begin_a_head: HALF_HEADED, lengthen_a_head: SLOW_HEADED}
BORNE = {trickle_a_body: SLOW_BODIED, read_nothing: UNREAD, work: ACTIVE}


@pytest.mark.alone
async def test_a_thousand_connections_of_every_kind_keep_no_other_client_out(target: Target) -> None:
    async with connected(target) as line:
        status, _, _ = await line.ask("POST", f"{UPLOADS}?digest={digest_of(BLOB)}", BLOB)
        assert status == 201
    descriptors, megabytes = target.descriptors, target.megabytes

    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as crowd:
        borne = [crowd.create_task(as_one(target, kind)) for kind, number in BORNE.items() for _ in range(number)]
        cut_off = [crowd.create_task(as_one(target, kind)) for kind, number in CUT_OFF.items() for _ in range(number)]
        waits = [await timed(lambda: newcomer(target)) for _ in range(20)]
        connections = len(borne) + len(cut_off)
        print(f"crowd: {target.descriptors - descriptors} descriptors and {target.megabytes - megabytes} MB more")
        print(f"crowd: a newcomer waits {median(waits):.2f} s, at most {max(waits):.2f} s")
        assert target.descriptors - descriptors <= 2 * connections
        assert target.megabytes - megabytes <= MEGABYTES_EACH * connections + MEGABYTES_TOGETHER
        async with asyncio.timeout(CUT_OFF_SECONDS):
            await asyncio.gather(*cut_off)
        assert not [each for each in borne if each.done()]
        for each in borne:
            each.cancel()
    await asyncio.to_thread(wait_until, lambda: target.descriptors <= descriptors)


@pytest.mark.nightly
@pytest.mark.alone
async def test_ten_thousand_abandoned_uploads_cost_their_rows_and_bytes_alone(target: Target) -> None:
    async with connected(target) as line:
        before = [await timed(line.push_and_pull) for _ in range(50)]
    descriptors, megabytes, files = target.descriptors, target.megabytes, len(target.blob_files())

    async with asyncio.timeout(5 * DEADLINE_SECONDS), asyncio.TaskGroup() as crowd:
        for _ in range(TOGETHER):
            crowd.create_task(abandon(target, ABANDONED // TOGETHER))
        waits = [await timed(lambda: newcomer(target)) for _ in range(20)]
    async with connected(target) as line:
        after = [await timed(line.push_and_pull) for _ in range(50)]
    print(
        f"abandoned: a newcomer waits {median(waits):.3f} s; alone {median(before):.3f} s, later {median(after):.3f} s"
    )
    print(f"abandoned: {target.descriptors - descriptors} descriptors and {target.megabytes - megabytes} MB more")
    assert target.descriptors <= descriptors + TOGETHER
    assert target.megabytes - megabytes < 50
    left = [file for file in target.blob_files() if file.stat().st_size == len(PART)]
    assert len(left) == ABANDONED
    assert len(target.blob_files()) - files - len(left) == len(waits) + len(after)


async def as_one(target: Target, kind: Callable[[Line], Coroutine[Any, Any, None]]) -> None:
    """Be one client of a kind."""
    async with connected(target) as line:
        await kind(line)


async def newcomer(target: Target) -> None:
    async with connected(target) as line:
        await line.push_and_pull()


async def abandon(target: Target, number: int) -> None:
    """Begin uploads and send a part to each; none of them is ever finished."""
    async with connected(target) as line:
        for _ in range(number):
            _, headers, _ = await line.ask("POST", UPLOADS)
            status, _, _ = await line.ask("PATCH", headers["location"], PART)
            assert status == 202


async def timed(act: Callable[[], Awaitable[None]]) -> float:
    """Return how many seconds something took: a figure to print."""
    started = monotonic()
    await act()
    return monotonic() - started
