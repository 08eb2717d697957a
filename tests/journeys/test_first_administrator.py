"""The way to the first administrator is the documented one: every block of it is run."""

from pathlib import Path

import pytest

from tests.journeys.documents import run_commands
from tests.journeys.server import Server


@pytest.fixture
def closed(tmp_path: Path) -> Server:
    """A server that was told nothing of accounts."""
    server = Server(tmp_path)
    del server.environment["TWINPORT_OPEN_ACCOUNTS"]
    return server


def test_the_first_administrator_is_made_as_the_page_says(closed: Server, tmp_path: Path) -> None:
    with closed:
        said = run_commands(
            "how-to/first-administrator.md",
            {"127.0.0.1:4566": closed.address},
            tmp_path,
        )
    assert ":user/administrator" in said
    assert ":user/reader" in said
    assert "never used" in said
