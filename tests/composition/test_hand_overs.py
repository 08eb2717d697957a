"""How often a pull hands work over to a thread: counted, since a hand-over takes longer than what it hands over."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.catalogs import POSTGRESQL, SQLITE, emptied_address
from tests.deployment import begun
from tests.pulled_image import MANIFEST, House, furnished
from tests.statements import sent_by_new_connections


@pytest.fixture
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    database = emptied_address(request) if request.param == POSTGRESQL else None
    with sent_by_new_connections() as sent:
        process = begun(tmp_path / "data", database)
        try:
            yield await furnished(process, sent)
        finally:
            process.whole.close()


@pytest.fixture(params=["manifest", "blob", "tags"])
async def path(request: pytest.FixtureRequest, house: House) -> str:
    """Name something that was asked for before."""
    answer = await house.process.ask("GET", MANIFEST, b"", house.auth)
    blob = f"/v2/team/api/blobs/{answer.json['config']['digest']}"
    path = {"manifest": MANIFEST, "blob": blob, "tags": "/v2/team/api/tags/list"}[request.param]
    await house.get(path)
    return path


@pytest.mark.parametrize("house", [SQLITE], indirect=True)
async def test_on_sqlite_a_pull_is_answered_in_one_step_of_the_loop(house: House, path: str) -> None:
    # A coroutine that ends at its first step has waited for nothing: no thread, no lock, no other task.
    with pytest.raises(StopIteration) as ended:
        # With a head that did not come before: the answer is made anew.
        house.process.ask("GET", path, b"", {**house.auth, "x-head": "new"}).send(None)
    assert ended.value.value.status == 200


@pytest.mark.parametrize("house", [POSTGRESQL], indirect=True)
async def test_on_postgresql_a_pull_waits_for_a_thread_once_for_each_database(
    house: House, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    handed, hand_over = list[object](), loop.call_soon_threadsafe

    def counted(callback: Any, *arguments: Any, **options: Any) -> asyncio.Handle:  # noqa: ANN401 — the loop's own
        handed.append(callback)
        return hand_over(callback, *arguments, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    await house.get(path)
    assert len(handed) <= 2
