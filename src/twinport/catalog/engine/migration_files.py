"""The files of the migrations, and the revisions that this version knows."""

from functools import cache
from pathlib import Path

from sqlalchemy import MetaData

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def folder_of(metadata: MetaData) -> Path:
    """Return the folder of a database's migrations. Each file's name begins with its revision, in their order."""
    return MIGRATIONS / str(metadata.info["migrations"])


@cache
def known(metadata: MetaData) -> tuple[str, ...]:
    """Return the revisions that this version knows, the oldest first. The folder is listed once in a process."""
    return tuple(sorted(path.name.partition("_")[0] for path in folder_of(metadata).glob("[0-9]*.py")))
