"""A read of a pull that is begun early answers the one question that it was begun for, once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from tests.fakes import REGISTRY
from twinport.catalog.ports import Connection
from twinport.model.content import Digest
from twinport.model.images import ImageId
from twinport.model.names import RepositoryName, TagName
from twinport.refusals.storage import StorageUnavailable
from twinport.registry.pull_reads import PullReads, Wanted

T = TypeVar("T")
API = RepositoryName("team/api")
V1, V2, BLOB = ImageId(None, TagName("v1")), ImageId(None, TagName("v2")), Digest.of(b"blob")


@dataclass(frozen=True)
class Answer:
    """The answer to a read, in place of what it finds: the version tells which read it was."""

    version: int


@dataclass
class Counting:
    """A catalog of one Region, whose answers are numbered."""

    reads: int = 0
    error: Exception | None = None

    def region(self, _name: str) -> "Counting":
        return self

    async def read(self, query: Callable[[Connection], T]) -> Any:  # noqa: ANN401 — an answer of its own kind
        del query
        self.reads += 1
        number = self.reads
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return Answer(number)


@pytest.fixture
def catalog() -> Counting:
    return Counting()


@pytest.fixture
def reads(catalog: Counting) -> PullReads:
    return PullReads(catalog)  # type: ignore[arg-type]  # of a catalog, only this is used


async def test_what_was_begun_is_not_read_again(catalog: Counting, reads: PullReads) -> None:
    with reads.begun(Wanted(REGISTRY.repository(API), V1)):
        await asyncio.sleep(0)
        assert catalog.reads == 1
        found: list[object] = [await reads.manifest(REGISTRY.repository(API), V1)]
    with reads.begun(Wanted(REGISTRY.repository(API), BLOB)):
        found.append(await reads.blob(REGISTRY.repository(API), BLOB))
    assert found == [Answer(1), Answer(2)]


async def test_another_question_is_a_read_of_its_own(reads: PullReads) -> None:
    with reads.begun(Wanted(REGISTRY.repository(API), V1)):
        await asyncio.sleep(0)
        found: list[object] = [await reads.manifest(REGISTRY.repository(API), V2)]
        found.append(await reads.manifest(REGISTRY.repository(RepositoryName("team/web")), V1))
        found.append(await reads.blob(REGISTRY.repository(API), BLOB))
    assert found == [Answer(2), Answer(3), Answer(4)]


async def test_a_question_that_is_asked_twice_is_read_twice(reads: PullReads) -> None:
    with reads.begun(Wanted(REGISTRY.repository(API), V1)):
        found: list[object] = [await reads.manifest(REGISTRY.repository(API), V1) for _ in range(2)]
    assert found == [Answer(1), Answer(2)]


async def test_a_read_that_was_given_up_is_no_answer_to_a_later_question(reads: PullReads) -> None:
    for item in (V1, BLOB):
        with reads.begun(Wanted(REGISTRY.repository(API), item)):
            await asyncio.sleep(0)
    found: list[object] = [await reads.manifest(REGISTRY.repository(API), V1)]
    found.append(await reads.blob(REGISTRY.repository(API), BLOB))
    assert found == [Answer(3), Answer(4)]


async def test_the_error_of_an_early_read_is_for_the_one_that_asks(catalog: Counting, reads: PullReads) -> None:
    catalog.error = StorageUnavailable("full")
    with reads.begun(Wanted(REGISTRY.repository(API), V1)), pytest.raises(StorageUnavailable):
        await reads.manifest(REGISTRY.repository(API), V1)


async def test_an_early_read_that_nothing_awaits_is_given_up_in_silence(catalog: Counting, reads: PullReads) -> None:
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
    catalog.error = StorageUnavailable("full")
    for turns in range(3):
        with reads.begun(Wanted(REGISTRY.repository(API), V1)):
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.sleep(0.01)
    assert heard == []
