"""`twinport replication …`: an operator lists the waiting and failed copies of a deployment."""

import asyncio
import importlib
from enum import Enum
from typing import Annotated

import typer

from twinport.commands.options import Config, Data, settings_from

MOST_LISTED = 1000

replication = typer.Typer(help="Copies of images: what waits and what failed.", no_args_is_help=True)


class State(Enum):
    """The state of the copies to list."""

    WAITING = "waiting"
    FAILED = "failed"
    ALL = "all"


@replication.command("list")
def list_deliveries(  # noqa: PLR0913 — each is an option
    *,
    region: Annotated[str | None, typer.Option(help="Only images of this Region.")] = None,
    account: Annotated[str | None, typer.Option(help="Only images of this account.")] = None,
    repository: Annotated[str | None, typer.Option(help="Only images of this repository.")] = None,
    state: Annotated[
        State | None, typer.Option(help="Only these; 'all' includes complete copies. [default: waiting and failed]")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_LISTED, help="How many at most.")] = 100,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """List the copies of images that wait or failed, and why.

    Those of each registry come together, the newest first. A server may run meanwhile.
    """
    listing, settings = importlib.import_module("twinport.upkeep.listing"), settings_from(data, None, config)
    chosen = listing.Chosen(region, account, repository, None if state is None else state.value, limit)
    report = asyncio.run(listing.listed(settings, chosen))
    typer.echo(report.json() if json else "\n".join(report.lines()))
