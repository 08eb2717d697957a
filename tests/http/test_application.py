"""What the application adds to the answers of every door."""

from dataclasses import dataclass

import pytest

from twinport.http.admission import admission_of
from twinport.http.application import Application
from twinport.http.messages import Answer, Request


@dataclass(frozen=True)
class Refusing:
    """A door that answers everything in one way."""

    answered: Answer

    async def answer(self, _request: Request) -> Answer:
        return self.answered


async def asked(answer: Answer) -> Answer:
    application = Application(admission_of((), None, ()), (("/", Refusing(answer)),))
    request = Request("GET", "/", "/", "", (("host", "127.0.0.1"),), "127.0.0.1", "http", "id", _nothing)
    found = await application._answer(request)
    assert isinstance(found, Answer)
    return found


async def _nothing() -> dict[str, object]:
    return {"type": "http.request"}


@pytest.mark.parametrize(("status", "pause"), [(429, "1"), (503, "5")])
async def test_who_may_try_again_hears_when(status: int, pause: str) -> None:
    assert (await asked(Answer(status))).headers["retry-after"] == pause


@pytest.mark.parametrize("status", [200, 400, 404, 500])
async def test_other_answers_say_nothing_of_trying_again(status: int) -> None:
    assert "retry-after" not in (await asked(Answer(status))).headers


async def test_a_door_that_knows_better_is_not_corrected() -> None:
    assert (await asked(Answer(429, {"retry-after": "30"}))).headers["retry-after"] == "30"
