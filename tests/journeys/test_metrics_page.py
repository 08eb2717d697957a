"""The commands of docs/how-to/metrics.md, as a reader would run them."""

from pathlib import Path

from tests.journeys.commands import find
from tests.journeys.documents import run_commands
from tests.ports import free_port


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    find("curl")
    said = run_commands("how-to/metrics.md", {"127.0.0.1:4566": f"127.0.0.1:{free_port()}"}, tmp_path)
    assert "twinport_backlog_readable 1.0" in said
