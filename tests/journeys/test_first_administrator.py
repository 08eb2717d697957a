"""The way to the first administrator is the documented one: every block of it is run."""

from pathlib import Path

import pytest

from tests.journeys.documents import run_commands
from tests.journeys.server import Server


@pytest.fixture
def closed(tmp_path: Path) -> Server:
    """A folder whose server has no open accounts."""
    (tmp_path / "twinport.toml").write_text("open_accounts = false\n")
    return Server(tmp_path, "--config", str(tmp_path / "twinport.toml"))


def test_the_first_administrator_is_made_as_the_page_says(closed: Server, tmp_path: Path) -> None:
    with closed:
        said = run_commands(
            "how-to/first-administrator.md",
            {"127.0.0.1:4566": closed.address},
            tmp_path,
            TWINPORT_OPEN_ACCOUNTS="false",
        )
    assert ":user/administrator" in said
    assert ":user/reader" in said
    assert "never used" in said
