"""The command line: options and dispatch. Its exit codes are listed in `EXIT_CODES`."""

import asyncio
import gc
import importlib
import re
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NoReturn

import typer

from twinport import __version__
from twinport.commands import accounts, draining, keys, maintenance, replication, status, upkeep, why
from twinport.commands.options import DEFAULTS, Config, Data, Listen, Open, Quiet, settings_from
from twinport.errors import ConfigurationWrong, Refusal, Unavailable
from twinport.model.printable import printable
from twinport.settings.loading import Settings
from twinport.settings.open_accounts import OpenAccounts

_MISUSE, _REFUSED, _UNAVAILABLE = 2, 3, 4
# Typer's suggestions for a misspelled word. The nearest is the first command, or the one similar option.
_NEAREST = re.compile(r"(?:\. Did you mean '([^']+)'.*\?| \(Possible options: ([^,)]+).*\))$")
# For so many seconds a thread keeps the interpreter's lock while another waits for it. Each statement of SQLite gives
# the lock up, and at Python's own 5 ms the writer's thread then waits for the event loop.
_TURN = 0.0002
# The first line tells the formatter not to rewrap the list.
EXIT_CODES = """\b
Exit codes:
  0  done
  1  unexpected: a defect, with its traceback
  2  misuse: a command, an option or a setting is wrong
  3  refused: it may not be done, or what is named does not exist
  4  unavailable: the folder, the database or the address cannot be used now
  5  a person must act: 'verify' found damage, 'status' what does not heal
  6  'status' found that replication is behind"""

app = typer.Typer(
    name="twinport",
    help="A self-hosted container registry that speaks Amazon ECR.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain text loads faster, and a user can copy it.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Workers = Annotated[
    int | None,
    typer.Option(help=f"How many processes serve together (TWINPORT_WORKERS).  [default: {DEFAULTS.workers}]"),
]
TlsCertificate = Annotated[
    Path | None,
    typer.Option(help="Certificate chain to serve https with (TWINPORT_TLS_CERT).  [default: none, plain HTTP]"),
]
TlsKey = Annotated[Path | None, typer.Option(help="Key of the certificate (TWINPORT_TLS_KEY).  [default: none]")]


def main() -> None:
    """Run a command. Misuse and refusals become one plain sentence and an exit code."""
    try:
        sys.exit(app(prog_name="twinport", standalone_mode=False) or 0)
    except typer.TyperException as misuse:
        _end_misuse(misuse)
    except typer.Abort:
        sys.exit(1)
    except ConfigurationWrong as refusal:
        _end(refusal, _MISUSE)
    except Unavailable as refusal:
        _end(refusal, _UNAVAILABLE)
    except Refusal as refusal:
        _end(refusal, _REFUSED)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 — typer calls it so
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Keep `twinport COMMAND` as the only form, however many commands there are."""
    del show_version  # its callback ends the command


@app.command()
def serve(  # noqa: PLR0913, PLR0917 — its options
    data: Data = None,
    listen: Listen = None,
    config: Config = None,
    workers: Workers = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    open_accounts: Open = None,
    quiet: Quiet = None,
) -> None:
    """Start the server and stay until it is told to stop."""
    tls = {"tls_cert": tls_cert, "tls_key": tls_key}
    settings = settings_from(data, listen, config, {}, quiet=quiet, workers=workers, open_accounts=open_accounts, **tls)
    serving, composition = _parts_of_the_server()
    invoked = _part("commands.start_notice").started_here(config)
    # Check the certificate before any process starts, so that a problem is reported once.
    serving.certificate(settings)
    sys.setswitchinterval(_TURN)
    with serving.listening(settings) as taken:
        if settings.workers == 1 and not settings.couriers_apart:
            asyncio.run(serving.serve(composition.build(settings), settings, taken, None, invoked))
            return

        def one(parent: Any) -> None:  # noqa: ANN401 — a supervisor.ParentWatch, which others need not load
            asyncio.run(serving.serve(composition.build(settings), settings, taken, parent, invoked))

        works = [*[one] * settings.workers, *([partial(_work, settings)] if settings.couriers_apart else [])]
        passed_on = [signal.SIGUSR1, signal.SIGUSR2, *([signal.SIGHUP] if settings.has_tls else [])]
        sys.exit(_part("processes.supervisor").supervise(works, passed_on))


def _work(settings: Settings, parent: Any = None) -> None:  # noqa: ANN401 — a supervisor.ParentWatch, as in `serve`
    """Run the background tasks of a worker in this process."""
    working, composition = _part("commands.working"), _part("composition.app")
    asyncio.run(working.work(composition.build(settings, kind="worker"), settings, parent))


def _parts_of_the_server() -> tuple[ModuleType, ModuleType]:
    # Imports create no garbage, and garbage collection meanwhile would take a sixth of the start.
    gc.disable()
    parts = _part("commands.serving"), _part("composition.app")
    gc.freeze()
    gc.enable()
    return parts


@app.command()
def worker(data: Data = None, config: Config = None, open_accounts: Open = None, quiet: Quiet = None) -> None:
    """Replicate images and collect garbage beside a server.

    A worker has the server's data folder and settings, and listens on no address.
    """
    settings = settings_from(data, None, config, quiet=quiet, open_accounts=open_accounts)
    _part("composition.databases").check_begun(settings)
    _work(settings)


@app.command()
def run(data: Data = None, listen: Listen = None, config: Config = None, quiet: Quiet = None) -> None:
    """Start a server with open accounts, take the tour, and stay."""
    settings = settings_from(data, listen, config, {"open_accounts": True, "encryption_at_rest": "record"}, quiet=quiet)
    _part("commands.serving").check_address(settings)
    options = {"--data": settings.data, "--listen": settings.listen, "--config": config}
    arguments = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    if settings.open_accounts is OpenAccounts.LOCAL:
        arguments.append("--open")
    if quiet:
        arguments.append("--quiet")
    asyncio.run(_part("tour.commands").run(settings, arguments))


@app.command()
def demo() -> None:
    """Take the tour on a throw-away server.

    Succeeds only if every copy was pulled back and verified.
    """
    asyncio.run(_part("tour.commands").demo())


app.add_typer(accounts.accounts, name="account")
app.add_typer(accounts.users, name="user")
app.command("status")(status.status)
app.command("why")(why.why)
app.command("drain")(draining.drain)
app.command("verify")(upkeep.verify)
app.add_typer(replication.replication, name="replication")
app.add_typer(keys.keys, name="keys")
app.add_typer(upkeep.garbage, name="gc")
app.add_typer(maintenance.read_only, name="read-only")


@app.command()
def certificates(
    folder: Annotated[Path, typer.Argument(help="Where to write them; the authority in it is kept.")],
    host: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="A name or address of the registry; may be repeated.")
    ] = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DOMAIN",
            help="A domain with hosts as ECR has them, ACCOUNT.dkr.ecr.REGION.DOMAIN.  [default: localhost]",
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(metavar="REGION", help="A Region of those hosts; may be repeated.  [default: every Region]"),
    ] = None,
) -> None:
    """Make a private authority and a server certificate.

    Prints how clients trust the authority.
    """
    making, regions = _part("commands.certificates"), region or list(_part("model.regions").DEFAULT_REGIONS)
    names, now = making.names_for(host or [], domain or ["localhost"], regions), datetime.now(UTC)
    making.make(folder, names, now)
    until, example = (now + making.SERVER_LIFE).date().isoformat(), [*(host or []), *(domain or []), "localhost"][0]
    typer.echo(_part("commands.client_trust").advice(folder, until, f"{example}:4566"))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _part(name: str) -> ModuleType:
    """Import a part of twinport when its command runs, so that no command pays for another's imports."""
    return importlib.import_module(f"twinport.{name}")


def _end_misuse(misuse: typer.TyperException) -> NoReturn:
    """Report a mistake in the command line, and the help command to use. Help itself is printed unchanged."""
    said, context = misuse.format_message(), getattr(misuse, "ctx", None)
    command = "twinport" if context is None else context.command_path
    is_help = said.startswith("Usage:")
    typer.echo(said if is_help else f"twinport: {_with_nearest(said)}; see '{command} --help'", err=True)
    sys.exit(misuse.exit_code)


def _with_nearest(said: str) -> str:
    """Reword typer's message in the style of our refusals, with only the nearest name."""
    said = f"{said[:1].lower()}{said[1:]}".rstrip(".")
    return _NEAREST.sub(lambda found: f", did you mean '{found[1] or found[2]}'?", said).replace("option: ", "option ")


def _end(refusal: Refusal, code: int) -> None:
    # A message may contain names from another user's folder or file. Some messages have several lines.
    typer.echo("\n".join(map(printable, f"twinport: {refusal.message}".split("\n"))), err=True)
    sys.exit(code)
