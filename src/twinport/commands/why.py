"""`twinport why`: which statement decides or is missing, and on which side of an account border."""

import asyncio
import importlib
import json
import sys
from typing import Annotated

import typer

from twinport.commands.options import Config, Data, settings_from
from twinport.errors import Refusal
from twinport.model.letters import lower_ascii
from twinport.model.names import region_name

_DENIED = 3

Principal = Annotated[str, typer.Argument(help="ARN of a user, role, session or root; an account; a service.")]
Action = Annotated[str, typer.Argument(help="As ecr:PutImage.")]
Resource = Annotated[str, typer.Argument(help="ARN, or * where an action has none.")]
Context = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="A condition key of the request; may be repeated.")
]
Region = Annotated[
    str | None, typer.Option(help="Region that is asked, where the resource does not say so.  [default: us-east-1]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class WordsWrong(typer.TyperException):
    """Misuse of the command line. The message has every mistake."""

    exit_code = 2

    def __init__(self, mistakes: list[str], ctx: typer.Context) -> None:
        super().__init__("; ".join(mistakes))
        self.ctx = ctx


def why(  # noqa: PLR0913, PLR0917 — three arguments, and options
    ctx: typer.Context,
    principal: Principal,
    action: Action,
    resource: Resource,
    context: Context = None,
    region: Region = None,
    as_json: Json = False,  # noqa: FBT002 — a switch of the command line
    data: Data = None,
    config: Config = None,
) -> None:
    """Say why a principal may or may not do something.

    Exit code 0: it may; 3: it may not.
    """
    asking = importlib.import_module("twinport.composition.why")
    reasons = importlib.import_module("twinport.policies.reasons")
    mistakes = [*asking.mistakes(principal, action, resource), *_of_context(context or []), *_of_region(region)]
    if mistakes:
        raise WordsWrong(mistakes, ctx)
    settings = settings_from(data, None, config)
    asked = asking.Asked(principal, action, resource, _context(context or []), region)
    explanation = asyncio.run(asking.why(settings, asked))
    values = reasons.in_values(explanation)
    typer.echo(json.dumps(values, indent=2) if as_json else reasons.in_words(explanation))
    sys.exit(0 if values["allowed"] else _DENIED)


def _of_context(given: list[str]) -> list[str]:
    return [f"'{each}' is not of the form PREFIX:KEY=VALUE" for each in given if not _is_value(each)]


def _of_region(given: str | None) -> list[str]:
    try:
        region_name(given or "us-east-1")
    except Refusal as refusal:
        return [refusal.message]
    return []


def _is_value(given: str) -> bool:
    key, equals, _ = given.partition("=")
    return bool(equals) and ":" in key


def _context(given: list[str]) -> dict[str, tuple[str, ...]]:
    """Parse KEY=VALUE. A repeated key has several values."""
    keys: dict[str, tuple[str, ...]] = {}
    for each in given:
        key, _, value = each.partition("=")
        keys[lower_ascii(key)] = (*keys.get(lower_ascii(key), ()), value)
    return keys
