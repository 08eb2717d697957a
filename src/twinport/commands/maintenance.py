"""`twinport read-only` and `twinport gc pause|resume`: an operator's orders for the whole deployment."""

import asyncio
import importlib
from types import ModuleType
from typing import Annotated

import typer

from twinport.commands.options import Config, Data, settings_from
from twinport.settings import parsers

read_only = typer.Typer(help="Refuse writes, and go on answering reads.", no_args_is_help=True)

For = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="How long, such as 6h.  [default: until it is resumed]")
]


@read_only.command("on")
def begin_read_only(data: Data = None, config: Config = None) -> None:
    """Refuse every write in every process, until it is turned off.

    Pulls, sign-ins and tokens go on. Replication and garbage collection wait. It survives restarts.
    """
    typer.echo(asyncio.run(_part().read_only(settings_from(data, None, config), on=True)))


@read_only.command("off")
def end_read_only(data: Data = None, config: Config = None) -> None:
    """Accept writes again."""
    typer.echo(asyncio.run(_part().read_only(settings_from(data, None, config), on=False)))


@read_only.command("show")
def show_read_only(data: Data = None, config: Config = None) -> None:
    """Print whether the deployment is read-only, and since when."""
    part = _part()
    typer.echo(part.words_of_read_only(asyncio.run(part.orders(settings_from(data, None, config)))))


def pause_garbage(duration: For = None, data: Data = None, config: Config = None) -> None:
    """Remove no garbage in any process for a time."""
    try:
        pause = None if duration is None else parsers.duration(duration)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--for") from wrong
    typer.echo(asyncio.run(_part().pause_garbage(settings_from(data, None, config), pause)))


def resume_garbage(data: Data = None, config: Config = None) -> None:
    """Collect garbage again."""
    typer.echo(asyncio.run(_part().resume_garbage(settings_from(data, None, config))))


def _part() -> ModuleType:
    return importlib.import_module("twinport.upkeep.maintenance")
