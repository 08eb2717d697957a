"""A server's notice at its start for a person at a terminal: what runs, what to do next, and fitting commands."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twinport import __version__
from twinport.settings.loading import Settings
from twinport.settings.own_address import url_of
from twinport.settings.sources import config_file

_KEYS = "twelve digits are an access key id, its secret is 'test'"
_ALIAS = "test/test is account 000000000000"


@dataclass(frozen=True, slots=True)
class Invocation:
    """How a server was started: the program, its arguments, and the settings file that it read."""

    program: str
    words: tuple[str, ...]
    config: Path | None

    def again(self, *more: str, **variables: str) -> str:
        """Return the same command with more arguments and variables, for a person to copy."""
        # The option would override the variable of the same setting.
        words = [word for word in self.words if word != "--open"]
        before = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
        return " ".join([*before, self.program, *map(shlex.quote, (*words, *more))])

    def account_create(self, settings: Settings) -> str:
        """Return the command that creates an account with its administrator in this deployment, from any folder."""
        options = ["--data", str(settings.data.absolute())]
        if self.config is not None:
            options += ["--config", str(self.config.absolute())]
        return " ".join([self.program, "account", "create", "NAME", *map(shlex.quote, options)])


def invocation(arguments: Sequence[str], environment: Mapping[str, str], config: Path | None) -> Invocation:
    """Find out from its arguments how this process was started."""
    return Invocation(program(arguments[0]), tuple(arguments[1:]), config_file(environment, config))


def started_here(config: Path | None) -> Invocation:
    """Return how this process was started."""
    return invocation(sys.argv, os.environ, config)


def ways_in(settings: Settings, invoked: Invocation) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the two ways to the first account, each with its effect and its command."""
    make = "make an account with an administrator, while this server runs"
    if settings.is_on_loopback:
        opening = "or end this server, and open every account to the clients of this machine", invoked.again("--open")
    else:
        opening = (
            "or end this server, and make every client that reaches its port root of every account",
            invoked.again(TWINPORT_OPEN_ACCOUNTS="everywhere"),
        )
    return (make, invoked.account_create(settings)), opening


def notice(settings: Settings, port: int, invoked: Invocation, *, has_account: bool) -> str:
    """Return the notice of the start for a person: what runs, where, for which clients, and what to do next."""
    url = url_of(settings, port)
    credentials = f": {_KEYS}; {_ALIAS}" if settings.has_open_accounts else ""
    is_empty = not (settings.has_open_accounts or has_account)
    facts = {
        "accounts": settings.opening.words + credentials + (", and none yet" if is_empty else ""),
        "database": "SQLite, in the folder" if settings.database is None else "PostgreSQL",
        "layers": settings.layers,
        "folder": str(settings.data.absolute()),
        "listens on": settings.listen if settings.port else f"{settings.host}:{port}",
        "console": f"{settings.public_url or url}/console/",
    }
    rows = "\n".join(f"  {name:<10}  {fact}" for name, fact in facts.items())
    steps = _next_steps(settings, url, invoked, has_account=has_account)
    return f"twinport {__version__} serves on {url}\n\n{rows}\n\n{steps}\n\nCtrl-C ends it. Its events follow.\n\n"


def _next_steps(settings: Settings, url: str, invoked: Invocation, *, has_account: bool) -> str:
    if settings.has_open_accounts:
        region = (*settings.regions, "eu-west-1")[0]
        return (
            "Try it, in another terminal:\n\n"
            "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n"
            f"  aws --endpoint-url {url} --region {region} sts get-caller-identity"
        )
    if has_account:
        return f"Clients sign with access keys of its users. Another key: '{invoked.program} user keys create --help'."
    ways = "\n\n".join(f"  # {what}\n  {command}" for what, command in ways_in(settings, invoked))
    return f"No client can sign in before there is an account:\n\n{ways}"


def program(first: str) -> str:
    """Return the command that starts this program again."""
    path = Path(first)
    if path.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m twinport"
    found = shutil.which(path.name)
    is_on_path = found is not None and Path(found).absolute() == path.absolute()
    return path.name if is_on_path else shlex.quote(first)
