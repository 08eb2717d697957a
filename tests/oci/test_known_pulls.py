"""Kept answers have a bound, and what was not noted keeps none. tests/composition/test_known_pulls.py has the rest."""

import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests import fakes
from twinport.access import lasting
from twinport.access.lasting import LONGEST
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import repositories
from twinport.clock import ManualClock
from twinport.http.messages import Answer, AnyAnswer, Incoming, Message, Request
from twinport.model.identities import Reading
from twinport.model.images import NewRepository
from twinport.model.names import RepositoryName
from twinport.oci.known_pulls import KnownPulls

END = fakes.NOW + timedelta(hours=12)


async def nothing() -> Message:
    return {"type": "http.request", "body": b""}


def request(trace: str = "", method: str = "GET") -> Request:
    headers = (("host", "127.0.0.1"), ("x-trace", trace))
    return Request(method, "/v2/a/manifests/b", "/v2/a/manifests/b", "", headers, "", "http", "id", Incoming(nothing))


class Pulls:
    """Answers pulls, and counts those that it is asked for anew."""

    def __init__(self, folder: Path) -> None:
        self.catalog = EmbeddedCatalog(folder, ManualClock(fakes.NOW))
        self.clock = ManualClock(fakes.NOW)
        self.known = KnownPulls(self.catalog, self.clock)
        self.asked = 0
        self.body, self.left_out = b"manifest", ""

    async def begin(self) -> None:
        new = fakes.REGISTRY.repository(RepositoryName("a"))
        await self.catalog.region(fakes.REGION).write(
            lambda db: repositories.insert(db, new, NewRepository(), fakes.NOW)
        )

    async def pull(self, of: Request) -> AnyAnswer:
        return await self.known.answer(of, self.newly)

    async def newly(self, _request: Request) -> AnyAnswer:
        self.asked += 1
        if self.left_out != "reading":
            lasting.has_read(Reading(await self.catalog.partition.generation(), 0.0))
        if self.left_out != "caller":
            lasting.admitted(fakes.caller(), END)
        if self.left_out != "version":
            lasting.found(fakes.REGION, self.catalog.version(fakes.REGION))
        if self.left_out != "decision":
            lasting.decided(is_timeless=True)
        # Of its own, as each manifest is.
        return Answer(200, {}, bytes(bytearray(self.body)))


@pytest.fixture
async def pulls(tmp_path: Path) -> AsyncIterator[Pulls]:
    made = Pulls(tmp_path)
    await made.begin()
    yield made
    made.catalog.close()


async def test_a_head_that_comes_again_is_answered_at_once(pulls: Pulls) -> None:
    for _ in range(3):
        await pulls.pull(request())
    assert pulls.asked == 1
    await pulls.pull(replace(request(), client="10.0.0.1"))
    assert pulls.asked == 2


@pytest.mark.parametrize("left_out", ["reading", "caller", "version", "decision"])
async def test_an_answer_of_which_something_was_not_noted_is_not_kept(pulls: Pulls, left_out: str) -> None:
    pulls.left_out = left_out
    for _ in range(2):
        await pulls.pull(request())
    assert pulls.asked == 2


async def test_what_changes_something_is_never_answered_from_memory(pulls: Pulls) -> None:
    for _ in range(2):
        await pulls.pull(request(method="PUT"))
    assert pulls.asked == 2


async def test_a_large_body_is_not_kept(pulls: Pulls) -> None:
    pulls.body = bytes(1 << 17)
    for _ in range(2):
        await pulls.pull(request())
    assert pulls.asked == 2


async def test_a_head_of_many_headers_is_not_kept(pulls: Pulls) -> None:
    many = replace(request(), headers=tuple((f"x-{number}", "") for number in range(33)))
    for _ in range(2):
        await pulls.pull(many)
    assert pulls.asked == 2


async def test_clients_cannot_keep_more_answers_than_the_bound(pulls: Pulls) -> None:
    for number in range(5_000):
        await pulls.pull(request(str(number)))
    assert pulls.known.size[0] == 4096


@pytest.mark.parametrize(("headers", "letters", "body"), [(32, 500, 0), (32, 1, 0), (1, 0, 1 << 16), (1, 60_000, 0)])
async def test_clients_cannot_fill_the_memory(pulls: Pulls, headers: int, letters: int, body: int) -> None:
    pulls.body = bytes(body)
    tracemalloc.start()
    try:
        for number in range(4_200):
            head = tuple((f"x-{name}-{number}", f"{'x' * letters} {name} {number}") for name in range(headers))
            await pulls.pull(replace(request(), headers=head))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= pulls.known.size[1] <= 16 << 20


async def test_the_oldest_go_first(pulls: Pulls) -> None:
    for number in range(4_097):
        await pulls.pull(request(str(number)))
    asked = pulls.asked
    await pulls.pull(request("1"))
    assert pulls.asked == asked
    await pulls.pull(request("0"))
    assert pulls.asked == asked + 1


async def test_what_has_ended_goes_while_clients_pull(pulls: Pulls) -> None:
    for number in range(100):
        await pulls.pull(request(str(number)))
    pulls.clock.advance(LONGEST)
    for _ in range(20):
        await pulls.pull(request("again and again"))
    assert pulls.known.size[0] == 1
