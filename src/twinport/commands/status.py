"""`twinport status`: what runs, how far behind it is, and what needs a person."""

import importlib
import json
import sys
from typing import Annotated

import typer

from twinport.commands.options import Config, Data, Listen, settings_from

_UNREADY = 4

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ready = Annotated[bool, typer.Option("--ready", help="Only ask the server whether it is ready, for health checks.")]


def status(
    *, ready: Ready = False, as_json: Json = False, data: Data = None, listen: Listen = None, config: Config = None
) -> None:
    """Show what runs, what is behind, and what needs a person.

    Works beside a running server and without one, and makes nothing. Exit code 0: all is well; 4: not ready; 5: a
    person must act; 6: replication is behind.
    """
    settings = settings_from(data, listen, config)
    if ready:
        found = importlib.import_module("twinport.status.own_server").ask(settings)
        typer.echo(json.dumps({"ready": found.is_ready, "address": found.url}) if as_json else found.line())
        sys.exit(0 if found.is_ready else _UNREADY)
    gathered = importlib.import_module("twinport.status.gathering").gather(settings)
    typer.echo(json.dumps(gathered.values(), indent=2) if as_json else "\n".join(gathered.lines()))
    sys.exit(gathered.exit_code)
