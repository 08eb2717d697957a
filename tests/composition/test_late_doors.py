"""A door that is built at its first request: once, and not on the event loop, which importing it would hold up."""

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from twinport.composition.late import LateDoor
from twinport.http.messages import Answer, Request


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
