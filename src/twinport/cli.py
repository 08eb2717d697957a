"""The command line. Exit codes: 0 done, 1 unexpected, 2 misuse, 3 refused, 4 unavailable, 5 damage was found."""

import asyncio
import gc
import importlib
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from twinport import __version__, account_commands, upkeep_commands, why_command
from twinport.command_options import Config, Data, Open, settings_from
from twinport.errors import ConfigurationWrong, Refusal, Unavailable
from twinport.open_accounts import OpenAccounts

_MISUSE, _REFUSED, _UNAVAILABLE = 2, 3, 4

app = typer.Typer(
    name="twinport",
    help="A self-hosted container registry that speaks Amazon ECR.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(account_commands.accounts, name="account")
app.add_typer(account_commands.users, name="user")
app.command("gc")(upkeep_commands.collect_garbage)
app.command("verify")(upkeep_commands.verify)
app.command("why")(why_command.why)

Listen = Annotated[str | None, typer.Option(help="HOST:PORT to listen on (TWINPORT_LISTEN).")]
Workers = Annotated[int | None, typer.Option(help="How many processes serve together (TWINPORT_WORKERS).")]
TlsCertificate = Annotated[Path | None, typer.Option(help="Certificate chain to serve https with (TWINPORT_TLS_CERT).")]
TlsKey = Annotated[Path | None, typer.Option(help="Key of the certificate (TWINPORT_TLS_KEY).")]


def main() -> None:
    """Run a command; a refusal becomes one plain sentence and an exit code."""
    try:
        app()
    except ConfigurationWrong as refusal:
        _end(refusal, _MISUSE)
    except Unavailable as refusal:
        _end(refusal, _UNAVAILABLE)
    except Refusal as refusal:
        _end(refusal, _REFUSED)


@app.callback()
def _root() -> None:
    """Keep `twinport COMMAND` as the only form, however many commands there are."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command()
def serve(  # noqa: PLR0913, PLR0917 — its options
    data: Data = None,
    listen: Listen = None,
    config: Config = None,
    workers: Workers = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    open_accounts: Open = None,
) -> None:
    """Start the server and stay until it is told to stop."""
    settings = settings_from(
        data, listen, config, workers=workers, tls_cert=tls_cert, tls_key=tls_key, open_accounts=open_accounts
    )
    # While modules load nothing becomes garbage, and looking for it would take a sixth of the start.
    gc.disable()
    serving, composition = _part("serve"), _part("app")
    gc.freeze()
    gc.enable()
    # Looked at before any process begins, so that what is wrong is said once.
    serving.certificate(settings)
    with serving.listening(settings) as taken:
        if settings.workers == 1:
            asyncio.run(serving.serve(composition.build(settings), settings, taken))
            return

        def one(tether: Any) -> None:  # noqa: ANN401 — a supervisor.Tether, which others need not load
            asyncio.run(serving.serve(composition.build(settings), settings, taken, tether))

        sys.exit(_part("supervisor").supervise(settings.workers, one, [signal.SIGHUP] if settings.has_tls else []))


@app.command()
def worker(data: Data = None, config: Config = None, open_accounts: Open = None) -> None:
    """Carry images and clean up beside a server, on its data folder, without listening."""
    settings = settings_from(data, None, config, open_accounts=open_accounts)
    working, composition = _part("work"), _part("app")
    _part("databases").check_begun(settings)
    asyncio.run(working.work(composition.build(settings), settings))


@app.command()
def run(data: Data = None, listen: Listen = None, config: Config = None) -> None:
    """Start the server with open accounts, take the tour on it, and stay until told to stop."""
    settings = settings_from(data, listen, config, {"open_accounts": True})
    _part("serve").check_address(settings)
    options = {"--data": settings.data, "--listen": settings.listen, "--config": config}
    arguments = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    if settings.open_accounts is OpenAccounts.LOCAL:
        arguments.append("--open")
    asyncio.run(_part("tour.commands").run(settings, arguments))


@app.command()
def demo() -> None:
    """Take the tour on a throw-away server; succeed only if every copy was pulled back and verified."""
    asyncio.run(_part("tour.commands").demo())


@app.command()
def certificates(
    folder: Annotated[Path, typer.Argument(help="Where to write them; the authority in it is kept.")],
    host: Annotated[list[str] | None, typer.Option(help="A name or address of the registry; may be repeated.")] = None,
    domain: Annotated[
        list[str] | None, typer.Option(help="A domain with hosts as ECR has them, ACCOUNT.dkr.ecr.REGION.DOMAIN.")
    ] = None,
    region: Annotated[list[str] | None, typer.Option(help="Regions of those hosts; without it, every Region.")] = None,
) -> None:
    """Make a private authority and a server certificate, and say how clients trust it."""
    making, regions = _part("certificates"), region or list(_part("model.regions").DEFAULT_REGIONS)
    names, now = making.names_for(host or [], domain or ["localhost"], regions), datetime.now(UTC)
    making.make(folder, names, now)
    until, example = (now + making.SERVER_LIFE).date().isoformat(), [*(host or []), *(domain or []), "localhost"][0]
    typer.echo(_part("trusting").advice(folder, until, f"{example}:4566"))


def _part(name: str) -> ModuleType:
    """Load a part of twinport when its command runs, so that no command pays for another's imports."""
    return importlib.import_module(f"twinport.{name}")


def _end(refusal: Refusal, code: int) -> None:
    typer.echo(f"twinport: {refusal.message}", err=True)
    sys.exit(code)
