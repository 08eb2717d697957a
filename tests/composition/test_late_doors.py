"""A door that is built at its first request: once, and not on the event loop, which importing it would hold up."""

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from tests.asgi import HOST
from tests.deployment import Process, begun
from twinport.catalog import clearing
from twinport.composition import app
from twinport.composition.late import LateDoor
from twinport.errors import Refusal
from twinport.http.messages import Answer, Request
from twinport.refusals.callers import HostUnclear
from twinport.refusals.storage import StorageUnavailable
from twinport.settings import loading


class AnsweringDoor:
    async def answer(self, request: Request) -> Answer:
        return Answer(200, {"x-path": request.path})


@dataclass
class Building:
    """Builds a door, and fails as often as it is told to."""

    failures: int = 0
    threads: list[str] = field(default_factory=list)

    def __call__(self) -> AnsweringDoor:
        self.threads.append(threading.current_thread().name)
        if len(self.threads) <= self.failures:
            raise ImportError
        return AnsweringDoor()


async def receive() -> dict[str, object]:
    raise AssertionError("no body is read")


VISIT = Request("GET", "/console/", "/console/", "", (), "127.0.0.1", "http", "1", receive)


async def test_a_late_door_is_built_once_for_requests_that_come_together() -> None:
    building = Building()
    door = LateDoor(building)
    assert building.threads == []
    answers = await asyncio.gather(*(door.answer(VISIT) for _ in range(5)))
    answers.append(await door.answer(VISIT))
    assert [(each.status, each.headers) for each in answers] == [(200, {"x-path": "/console/"})] * 6
    assert len(building.threads) == 1


async def test_a_late_door_is_not_built_on_the_event_loop() -> None:
    building = Building()
    await LateDoor(building).answer(VISIT)
    assert building.threads != [threading.current_thread().name]


async def test_a_late_door_that_could_not_be_built_is_built_for_the_next_request() -> None:
    door = LateDoor(Building(failures=1))
    with pytest.raises(ImportError):
        await door.answer(VISIT)
    assert (await door.answer(VISIT)).status == 200


class WordingDoor(AnsweringDoor):
    async def refuse(self, status: int, refusal: Refusal, request: Request) -> Answer:
        return Answer(status, {"x-words": f"{refusal.message} at {request.path}"})


async def test_a_late_door_words_refusals_as_the_door_that_it_builds() -> None:
    refusal = HostUnclear(2)
    answer = await LateDoor(WordingDoor).refuse(400, refusal, VISIT)
    assert answer == Answer(400, {"x-words": f"{refusal.message} at /console/"})
    assert await LateDoor(AnsweringDoor).refuse(400, refusal, VISIT) is None


async def test_a_page_says_why_a_form_of_another_site_is_refused(tmp_path: Path) -> None:
    process = begun(tmp_path / "data")
    headers = {"origin": "http://elsewhere.example", "sec-fetch-site": "cross-site", "accept": "text/html"}
    reply = await process.ask("POST", "/console/sign-in", b"", headers)
    process.whole.close()
    assert reply.status == 403
    assert reply.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("apart", ["true", "false"])
async def test_a_reset_begins_no_couriers_where_another_process_has_them(tmp_path: Path, apart: str) -> None:
    options = {"data": str(tmp_path / "data"), "listen": HOST, "open_accounts": True}
    whole = app.build(loading.load(None, {"TWINPORT_COURIERS_APART": apart}, options))
    await whole.tasks.start()
    reply = await Process(whole).ask("POST", "/_twinport/reset", b"", {})
    is_running = whole.tasks.couriers.is_running
    await whole.tasks.stop(timedelta(seconds=5))
    whole.close()
    assert (reply.status, is_running) == (200, apart == "false")


async def test_a_reset_that_breaks_off_says_so_and_leaves_the_couriers_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = begun(tmp_path / "data")
    await process.whole.tasks.start()

    async def fail(_: object) -> None:
        raise StorageUnavailable("the disk is away")

    monkeypatch.setattr(clearing, "clear", fail)
    replies = await asyncio.gather(*(process.ask("POST", "/_twinport/reset", b"", {}) for _ in range(2)))
    is_running = process.whole.tasks.couriers.is_running
    await process.whole.tasks.stop(timedelta(seconds=5))
    process.whole.close()
    assert [each.status for each in replies] == [503, 503]
    assert "half done: storage is unavailable: the disk is away; repeat it" in replies[0].body.decode()
    assert is_running
