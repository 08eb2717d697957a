"""`twinport account …` and `twinport user …`: an operator with access to the databases manages accounts and users."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sized
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from twinport.commands.options import Config, Data, settings_from
from twinport.model.entities import KeyStatus

T = TypeVar("T")
_ONCE = "The secret is stored sealed and cannot be shown again."

accounts = typer.Typer(help="Accounts, where they are not open.", no_args_is_help=True)
users = typer.Typer(help="Users of an account, whether or not a server runs.", no_args_is_help=True)
keys = typer.Typer(help="A user's access keys, two at most.", no_args_is_help=True)
users.add_typer(keys, name="keys")

Account = Annotated[str, typer.Argument(help="The account's id, name or alias.")]
AnyAccount = Annotated[str | None, typer.Argument(help="The account's id, name or alias.  [default: every account]")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
User = Annotated[str, typer.Argument(help="The user's name.")]
Key = Annotated[str, typer.Argument(help="The access key's id.")]
Attached = Annotated[
    list[str] | None,
    typer.Option("--attach", metavar="POLICY", help="A policy for the user: AWS's by its name, others by ARN."),
]


@accounts.command("create")
def create_account(name: str, data: Data = None, config: Config = None) -> None:
    """Create an account; print its administrator's access key."""
    made = _done(data, config, lambda them: them.accounts.create(name), "BEGIN")
    typer.echo(f"account         {made.account}\nadministrator   {made.user_arn}")
    _print_key(made.access_key_id, made.secret)


@accounts.command("list")
def list_accounts(data: Data = None, config: Config = None) -> None:
    """List the accounts that were created, and which are disabled."""
    found = _done(data, config, lambda them: them.accounts.listed(), "READ")
    _say_if_none(found, "there is no account yet: 'twinport account create NAME' makes one")
    for each in found:
        disabled = f"  disabled since {each.disabled_at:%Y-%m-%d}" if each.disabled_at else ""
        typer.echo(f"{each.id}  {each.created_at:%Y-%m-%d}  {each.name}{disabled}")


@accounts.command("disable")
def disable_account(account: Account, data: Data = None, config: Config = None) -> None:
    """Refuse all that an account's keys and roles ask.

    That holds from now on, for its sessions and tokens too. Nothing is deleted.

    Other accounts still reach its repositories as its policies allow.
    """
    _done(data, config, lambda them: them.accounts.disable(account))


@accounts.command("enable")
def enable_account(account: Account, data: Data = None, config: Config = None) -> None:
    """Let a disabled account do what its policies allow again."""
    _done(data, config, lambda them: them.accounts.enable(account))


@accounts.command("usage")
def usage(account: AnyAccount = None, *, as_json: Json = False, data: Data = None, config: Config = None) -> None:
    """Count the bytes of layers that accounts hold.

    Each Region is counted, for one account or for every account.

    A layer counts once for each account and once for each repository. It is shared if another one holds it, too.
    """
    found, counted = _done(data, config, lambda them: them.usage(account), "READ")
    report = importlib.import_module("twinport.upkeep.usage").report(counted, found)
    typer.echo(report.json() if as_json else "\n".join(report.lines()))


@users.command("create")
def create_user(
    account: Account, name: User, attach: Attached = None, data: Data = None, config: Config = None
) -> None:
    """Create a user and print an access key, once.

    The user may do what the attached policies allow.
    """
    made, new = _done(data, config, lambda them: them.create_user(account, name, attach or ()))
    typer.echo(f"user            {made['Arn']}")
    _print_key(new["AccessKeyId"], new["SecretAccessKey"])


@users.command("list")
def list_users(account: Account, data: Data = None, config: Config = None) -> None:
    """List an account's users: name, since when, and ARN."""
    found = _done(data, config, lambda them: them.list_users(account), "READ")
    _say_if_none(found, f"account '{account}' has no user yet: 'twinport user create {account} NAME' makes one")
    widest = max((len(each["UserName"]) for each in found), default=0)
    for each in found:
        typer.echo(f"{each['UserName']:<{widest}}  {each['CreateDate']:%Y-%m-%d}  {each['Arn']}")


@keys.command("create")
def create_key(account: Account, user: User, data: Data = None, config: Config = None) -> None:
    """Give a user another access key and print it, once.

    This is the way back in for a user that lost a key.
    """
    new = _done(data, config, lambda them: them.create_key(account, user))
    _print_key(new["AccessKeyId"], new["SecretAccessKey"])


@keys.command("list")
def list_keys(account: Account, user: User, data: Data = None, config: Config = None) -> None:
    """List a user's access keys, and when each was last used."""
    found = _done(data, config, lambda them: them.list_keys(account, user), "READ")
    _say_if_none(found, f"user '{user}' has no access key: 'twinport user keys create {account} {user}' makes one")
    for key, use in found:
        at = use.get("LastUsedDate")
        words = "never used" if at is None else f"last used {at:%Y-%m-%d} for {use['ServiceName']} in {use['Region']}"
        typer.echo(f"{key['AccessKeyId']}  {key['Status']:<8}  {key['CreateDate']:%Y-%m-%d}  {words}")


@keys.command("disable")
def disable_key(account: Account, user: User, key: Key, data: Data = None, config: Config = None) -> None:
    """Switch an access key off: what it signs is refused from now on."""
    _done(data, config, lambda them: them.set_key_status(account, user, key, KeyStatus.INACTIVE))


@keys.command("enable")
def enable_key(account: Account, user: User, key: Key, data: Data = None, config: Config = None) -> None:
    """Switch an access key on again."""
    _done(data, config, lambda them: them.set_key_status(account, user, key, KeyStatus.ACTIVE))


@keys.command("delete")
def delete_key(account: Account, user: User, key: Key, data: Data = None, config: Config = None) -> None:
    """Delete an access key."""
    _done(data, config, lambda them: them.delete_key(account, user, key))


def _say_if_none(found: Sized, sentence: str) -> None:
    """Tell a person on standard error that a list is empty. Programs read standard output, which stays a list."""
    if not found:
        typer.echo(f"twinport: {sentence}", err=True)


def _print_key(key_id: str, secret: str) -> None:
    typer.echo(f"access key id   {key_id}\nsecret          {secret}\n\n{_ONCE}")


def _done(data: Path | None, config: Path | None, act: Callable[[Any], Awaitable[T]], purpose: str = "CHANGE") -> T:
    """Run an action of an administration.Administration and return its result. Imports its parts now.

    `purpose` names an administration.Purpose.
    """
    administration = importlib.import_module("twinport.composition.administration")

    async def run() -> T:
        async with administration.opened(settings_from(data, None, config), administration.Purpose[purpose]) as them:
            return await act(them)

    return asyncio.run(run())
