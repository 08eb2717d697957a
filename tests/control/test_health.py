"""Readiness: each part is looked at once a second at most, and a look that hangs is not joined by another."""

import asyncio
from datetime import timedelta

import orjson
import pytest

from twinport.control.door import ControlDoor
from twinport.control.health import Readiness
from twinport.http.admission import admission_of
from twinport.http.messages import Answer, Message, Request
from twinport.model.names import Registry
from twinport.model.replication import DeliveryPage
from twinport.refusals.storage import StorageUnavailable
from twinport.settings.open_accounts import OpenAccounts


class Part:
    """A part that a test can take away or let hang, and that counts who looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.trouble: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self) -> None:
        self.looks += 1
        await self.answers.wait()
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def database() -> Part:
    return Part()


@pytest.fixture
def readiness(database: Part) -> Readiness:
    return Readiness({"database": database, "store": Part()}, limit=timedelta(milliseconds=20))


async def test_however_many_ask_at_once_each_part_is_looked_at_once(readiness: Readiness, database: Part) -> None:
    await asyncio.gather(*(readiness.missing() for _ in range(100)))
    assert database.looks == 1


@pytest.mark.parametrize("trouble", [StorageUnavailable("it is away"), ZeroDivisionError("a defect")])
async def test_a_part_that_raises_is_missing(readiness: Readiness, database: Part, trouble: Exception) -> None:
    database.trouble = trouble
    assert await readiness.missing() == ["database"]


async def test_a_part_that_hangs_is_missing_and_not_asked_again(readiness: Readiness, database: Part) -> None:
    database.answers.clear()
    assert await readiness.missing() == ["database"]
    readiness._parts["database"]._began_at -= 10
    assert await readiness.missing() == ["database"]
    assert database.looks == 1


async def test_a_part_that_answers_again_is_there_after_a_second(readiness: Readiness, database: Part) -> None:
    database.trouble = StorageUnavailable("it is away")
    assert await readiness.missing() == ["database"]
    database.trouble = None
    assert await readiness.missing() == ["database"]
    readiness._parts["database"]._began_at -= 1
    assert await readiness.missing() == []


async def test_the_answer_names_the_part_and_not_the_reason(
    readiness: Readiness, database: Part, capsys: pytest.CaptureFixture[str]
) -> None:
    database.trouble = StorageUnavailable("the disk of '/secret/place' is full")
    answer = await ask(readiness, "health/ready")
    assert (answer.status, orjson.loads(answer.body)) == (503, {"status": "unready", "missing": ["database"]})
    assert "/secret/place" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["health", "health/live"])
async def test_a_process_is_live_whatever_is_missing(readiness: Readiness, database: Part, path: str) -> None:
    database.trouble = StorageUnavailable("it is away")
    assert (await ask(readiness, path)).status == 200


async def never() -> None:
    raise AssertionError


async def no_deliveries(source: Registry, limit: int, before: str | None) -> DeliveryPage:
    del source, limit, before
    return DeliveryPage((), None)


async def no_metrics(_request: Request) -> Answer:
    return Answer(404)


async def ask(readiness: Readiness, path: str) -> Answer:
    path = f"/_twinport/{path}"

    async def receive() -> Message:
        return {"type": "http.request"}

    request = Request("GET", path, path, "", (), "127.0.0.1", "http", "id", receive)
    admission = admission_of((), None, ())
    door = ControlDoor(admission, OpenAccounts.CLOSED, (), never, no_deliveries, readiness, no_metrics)
    answer = await door.answer(request)
    assert isinstance(answer, Answer)
    return answer
