"""`twinport serve` over a catalog whose writer thread dies when an account is given the alias that says so.

python -m tests.mortal_writer serve --data FOLDER --listen HOST:PORT
"""

import asyncio
import os
import sys
from typing import Any

from sqlalchemy import Connection, event

from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import Clock
from twinport.commands import serving
from twinport.composition import app
from twinport.settings import loading
from twinport.settings.loading import Settings

DEADLY = "deadly"


def main(arguments: list[str]) -> None:
    _, _, data, _, listen = arguments
    settings = loading.load(None, os.environ, {"data": data, "listen": listen})
    with serving.listening(settings) as taken:
        asyncio.run(serving.serve(app.build(settings, opened=_mortal), settings, taken))


def _mortal(settings: Settings, world: Clock) -> EmbeddedCatalog:
    catalog = EmbeddedCatalog(settings.data, world)
    event.listen(catalog._global._engine, "before_cursor_execute", _die_of_it)
    return catalog


def _die_of_it(_db: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:  # noqa: ANN401
    # SystemExit is what no catch of an ordinary error stops.
    if statement.startswith("INSERT INTO account_alias") and DEADLY in parameters:
        raise SystemExit


if __name__ == "__main__":
    from twinport.cli import _end
    from twinport.errors import Unavailable

    try:
        main(sys.argv[1:])
    except Unavailable as refusal:
        _end(refusal, 4)
