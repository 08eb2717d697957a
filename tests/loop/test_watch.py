"""The watch itself: a long turn is seen, with what ran, and a wait is none."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.loop.turns import Reader, WatchedPolicy


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    file = tmp_path / "turns"
    file.touch()
    return Reader(file)


def watched(tmp_path: Path, steps: int, wait: float = 0.0) -> None:
    """Run a loop of its own whose turns each take so many steps."""
    loop = WatchedPolicy(tmp_path / "turns").new_event_loop()
    try:
        loop.run_until_complete(_work(steps, wait))
    finally:
        loop.close()


async def _work(steps: int, wait: float) -> None:
    for _ in range(2):
        sum(range(steps))
        time.sleep(wait)  # noqa: ASYNC251 — a wait that takes no processor is what this is about
        await asyncio.sleep(0)


def test_a_turn_that_takes_long_is_written_down(tmp_path: Path, reader: Reader) -> None:
    watched(tmp_path, 10_000_000)
    assert reader.longest().seconds > 0.05


def test_a_turn_that_only_waits_is_not_long(tmp_path: Path, reader: Reader) -> None:
    watched(tmp_path, 0, wait=0.2)
    assert reader.longest().seconds < 0.05


def test_a_turn_is_told_once(tmp_path: Path, reader: Reader) -> None:
    watched(tmp_path, 10_000_000)
    reader.longest()
    assert reader.longest().seconds == 0
