"""`twinport keys …`: an operator rotates the sealing key and the token keys, beside running servers."""

import asyncio
import importlib
import sys
from types import ModuleType
from typing import Annotated, Any

import typer

from twinport.commands.options import Config, Data, settings_from
from twinport.model.printable import printable

_BROKEN = 5

keys = typer.Typer(help="Keys of secrets and tokens, and their rotation.", no_args_is_help=True)
KeyId = Annotated[str, typer.Argument(metavar="KEYID", help="The key, as 'twinport keys show' names it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@keys.command("show")
def show(*, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Count the stored secrets of each sealing key.

    The exit code is 5 if a key that this host does not have seals secrets.
    """
    _end(asyncio.run(_part().show(settings_from(data, None, config))), json=json)


@keys.command("reseal")
def reseal(*, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Seal every stored secret again with the first key.

    Servers may run meanwhile, if each of them has this key. A run that broke off may be repeated. The exit code is 5 if
    a secret does not open.
    """
    _end(asyncio.run(_part().reseal(settings_from(data, None, config))), json=json)


@keys.command("add")
def add(*, data: Data = None, config: Config = None) -> None:
    """Add a second key to the data folder's sealing.key.

    It opens once every process was started again. Then 'twinport keys use' makes it the first.
    """
    added = _part().add(settings_from(data, None, config))
    typer.echo(f"added the key '{added}': start every process again, then 'twinport keys use {added}'")


@keys.command("use")
def use(key: KeyId, *, data: Data = None, config: Config = None) -> None:
    """Have this key in the data folder's sealing.key seal."""
    _part().use(settings_from(data, None, config), key)
    typer.echo(f"the key '{key}' is the first: start every process again, then 'twinport keys reseal'")


@keys.command("drop")
def drop(key: KeyId, *, data: Data = None, config: Config = None) -> None:
    """Remove a key that seals no stored secret.

    It is a line of the data folder's sealing.key.
    """
    asyncio.run(_part().drop(settings_from(data, None, config), key))
    typer.echo(f"removed the key '{key}'")


@keys.command("rotate-tokens")
def rotate_tokens(
    *,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", metavar="REGION", help="Only this Region; may be repeated.  [default: every Region]"),
    ] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Sign authorization tokens with a new key from now on.

    Tokens that were issued before stay good as long as they last, at most 12 hours. Servers may run meanwhile.
    """
    rotating = importlib.import_module("twinport.upkeep.token_keys")
    rotated = asyncio.run(rotating.rotate(settings_from(data, None, config), region or ()))
    lines = [f"{each}: new tokens are signed with a new key" for each in rotated]
    typer.echo("\n".join(lines) or "no Region has a key yet")


def _end(report: Any, *, json: bool) -> None:  # noqa: ANN401 — what a part that was loaded by name returned
    typer.echo(report.json() if json else "\n".join(map(printable, report.lines())))
    if not report.is_whole:
        sys.exit(_BROKEN)


def _part() -> ModuleType:
    return importlib.import_module("twinport.upkeep.resealing")
