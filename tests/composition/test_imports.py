"""What a server imports until it answers: counted, since imports are most of its start, and half of its memory."""

import subprocess
import sys

import pytest

# Each is used by few deployments, or by other commands, and is imported when it is needed.
LATE = (
    *("aiohttp", "alembic", "boto3", "botocore", "jinja2", "jwt", "prometheus_client", "psycopg", "rich"),
    *("cryptography.x509", "sqlalchemy.dialects.postgresql", "twinport.console", "twinport.tour"),
)
# About two hundred of them are SQLAlchemy's and Python's own.
MOST = 870
PROGRAM = """
import sys
import twinport.cli, twinport.commands.serving, twinport.commands.start_notice
from twinport.composition import app
from twinport.settings import loading
whole = app.build(loading.load(None, {}, {"data": sys.argv[1], "listen": "127.0.0.1:0"}))
print(*sys.modules)
whole.close()
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the modules of a server on a folder that it knows, as it is about to listen."""
    data = str(tmp_path_factory.mktemp("server") / "data")
    _modules(data)
    return _modules(data)


def _modules(data: str) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, data]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()


@pytest.mark.parametrize("late", LATE)
def test_a_server_starts_without(imported: list[str], late: str) -> None:
    assert [name for name in imported if name == late or name.startswith(f"{late}.")] == []


def test_a_server_imports_no_more_than_it_did(imported: list[str]) -> None:
    assert len(imported) <= MOST
