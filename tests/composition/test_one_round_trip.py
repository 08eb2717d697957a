"""A pull from PostgreSQL is one round trip: IAM's database and the Region's are asked at the same time.

Times depend on the machine, so one of the two databases is held up, and the other one's answer must not wait for it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.deployment import begun
from tests.fakes import REGION
from tests.pulled_image import MANIFEST, House, furnished
from tests.statements import sent_by_new_connections
from tests.waiting import until

HELD = {"partition": "generation", "region": "repository"}


@pytest.fixture
async def house(tmp_path: Path, postgres_address: str) -> AsyncIterator[House]:
    with sent_by_new_connections() as sent:
        process = begun(tmp_path / "data", postgres_address)
        try:
            yield await furnished(process, sent)
        finally:
            process.whole.close()


@contextmanager
def held(address: str, table: str) -> Iterator[psycopg.Connection]:
    """Let no other transaction read a table until the end of the block, which commits."""
    with psycopg.connect(address) as db:
        db.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield db


def region_of(address: str) -> str:
    url = make_url(address)
    return url.set(database=f"{url.database}_{REGION}").render_as_string(hide_password=False)


def _asks(statement: str, table: str) -> bool:
    return f"FROM {table}" in statement or f"JOIN {table}" in statement


async def _both_are_asked(house: House) -> None:
    """Wait until both databases were asked, of which one does not answer."""
    sent, tables = house.sent.statements, HELD.values()
    await asyncio.to_thread(until, lambda: all(any(_asks(each, table) for each in list(sent)) for table in tables))


@pytest.fixture(params=["manifest", "blob"])
async def path(request: pytest.FixtureRequest, house: House) -> str:
    """Name something that was pulled before."""
    answer = await house.process.ask("GET", MANIFEST, b"", house.auth)
    path = MANIFEST if request.param == "manifest" else f"/v2/team/api/blobs/{answer.json['config']['digest']}"
    await house.get(path)
    house.sent.taken()
    return path


@pytest.mark.parametrize("which", HELD)
async def test_each_database_is_asked_before_the_other_has_answered(
    house: House, path: str, postgres_address: str, which: str
) -> None:
    address = postgres_address if which == "partition" else region_of(postgres_address)
    with held(address, HELD[which]):
        pull = asyncio.create_task(house.get(path))
        await _both_are_asked(house)
        assert not pull.done()
    await pull
    assert len(house.sent.taken()) == 2


async def test_what_iam_says_last_decides(house: House, path: str, postgres_address: str) -> None:
    with held(postgres_address, "generation") as db:
        pull = asyncio.create_task(house.process.ask("GET", path, b"", house.auth))
        await _both_are_asked(house)
        db.execute("DELETE FROM inline_policy")
        db.execute("UPDATE generation SET value = value + 1")
    assert (await pull).status == 403


async def test_a_stranger_causes_no_question_to_a_region(house: House, path: str) -> None:
    for header in ({}, {"authorization": "Basic QVdTOmE="}, {"authorization": house.auth["authorization"][:-8]}):
        assert (await house.process.ask("GET", path, b"", header)).status in (401, 403)
    assert not any(_asks(each, "repository") for each in house.sent.taken())
