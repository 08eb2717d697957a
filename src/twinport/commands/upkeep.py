"""`twinport gc` and `twinport verify`: an operator collects garbage and checks for damage."""

import asyncio
import importlib
import sys
from types import ModuleType
from typing import Annotated, Any

import typer

from twinport.commands import maintenance
from twinport.commands.options import Config, Data, settings_from
from twinport.model.printable import printable
from twinport.settings.parsers import parse_size

_DAMAGED = 5

Regions = Annotated[
    list[str] | None,
    typer.Option("--region", metavar="REGION", help="Only this Region; may be given again.  [default: every Region]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


garbage = typer.Typer(invoke_without_command=True)
garbage.command("pause")(maintenance.pause_garbage)
garbage.command("resume")(maintenance.resume_garbage)


@garbage.callback()
def collect_garbage(
    context: typer.Context,
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it now.")] = False,
    region: Regions = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Show what is garbage and why; with --delete, delete it.

    A server collects garbage by itself, and may run meanwhile.
    """
    if context.invoked_subcommand is not None:
        return
    settings, collecting = settings_from(data, None, config), _part("collecting")
    work = collecting.delete if delete else collecting.plan
    _print(asyncio.run(work(settings, region or ())), json=json)


def verify(  # noqa: PLR0913 — each is an option
    *,
    region: Regions = None,
    account: Annotated[str | None, typer.Option(help="Only repositories of this account.  [default: all]")] = None,
    repository: Annotated[str | None, typer.Option(help="Only repositories of this name.  [default: all]")] = None,
    rate: Annotated[
        str | None, typer.Option(help="Bytes to read in a second, such as 16MiB.  [default: no limit]")
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Check databases, blobs and manifests for damage.

    Blobs and manifests are compared with their digests. The exit code is 5 if anything is damaged.

    Damaged blobs are put into quarantine. Damaged content is never served. Another push of it repairs it.
    """
    settings, limit = settings_from(data, None, config), parse_size(rate) if rate else None
    report = asyncio.run(_part("verifying").verify(settings, region or (), account, repository, limit))
    _print(report, json=json)
    if not report.is_whole:
        sys.exit(_DAMAGED)


def _print(report: Any, *, json: bool) -> None:  # noqa: ANN401 — what a part that was loaded by name returned
    typer.echo(report.json() if json else "\n".join(map(printable, report.lines())))


def _part(name: str) -> ModuleType:
    return importlib.import_module(f"twinport.upkeep.{name}")
