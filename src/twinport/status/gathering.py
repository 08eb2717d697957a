"""Gathers the status of a deployment, beside its server or without one. Creates, changes and upgrades nothing."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from twinport import __version__
from twinport.catalog.partition import accounts, maintenance
from twinport.catalog.regional.progress import Progress, progress
from twinport.clock import WallClock
from twinport.composition import databases
from twinport.errors import ConfigurationWrong, Refusal, Unavailable
from twinport.files import disks
from twinport.http import tls
from twinport.model.maintenance import Maintenance
from twinport.model.names import RegionName
from twinport.processes import listeners
from twinport.processes.listeners import Listening
from twinport.processes.peers import Peer, peers_in, this_host
from twinport.refusals.storage import DatabaseNewer, DatabaseUnreadable, DatabaseUnrecognized, RegionLost
from twinport.settings.loading import Settings
from twinport.settings.open_accounts import OpenAccounts
from twinport.status import own_server
from twinport.status.own_server import Readiness
from twinport.status.report import Disk, Finding, ProcessFacts, RegionFacts, Standing, Status

# Refusals that waiting does not resolve, though they are Unavailable for clients.
_FOR_A_PERSON = (DatabaseNewer, DatabaseUnrecognized, DatabaseUnreadable, RegionLost)


@dataclass(frozen=True, slots=True)
class _Catalog:
    """What the databases report, or why they report nothing."""

    answers: bool
    has_account: bool
    regions: list[RegionFacts]
    refusals: list[Finding]
    orders: tuple[str, ...] = ()


def gather(settings: Settings) -> Status:
    """Ask the server, and read the folder and the databases."""
    catalog, running = _catalog(settings), listeners.running(settings.data)
    refusals = [*catalog.refusals, *_of_certificate(settings), *_of_folder(settings)]
    opening = running[0].accounts if running else settings.opening.words
    is_empty = catalog.answers and opening == OpenAccounts.CLOSED.words and not catalog.has_account
    return Status(
        version=__version__,
        server=_server(settings, running),
        data=str(settings.data.absolute()),
        database="sqlite" if settings.database is None else "postgresql",
        database_answers=catalog.answers,
        accounts=opening + (", and none yet" if is_empty else ""),
        has_server_told=bool(running),
        disk=_disk(settings.data),
        processes=[_process(each) for each in peers_in(settings.data / "processes", this_host())],
        regions=catalog.regions,
        refusals=refusals,
        orders=catalog.orders,
    )


def _server(settings: Settings, running: Sequence[Listening]) -> Readiness:
    """Ask the server at the address in the settings. Without one, ask the server that runs on the folder."""
    is_default = settings.listen == Settings().listen or settings.port == 0
    if running and is_default:
        return own_server.ask_at(running[0].url)
    found = own_server.ask(settings)
    if found.answers or not running:
        return found
    listen = " and ".join(each.url for each in running)
    return replace(found, reason=f"{found.reason}; the server of this folder listens on {listen}")


def _catalog(settings: Settings) -> _Catalog:
    try:
        databases.check_begun(settings)
        has_account = databases.look(settings, accounts.is_any) or False
        orders = databases.look(settings, maintenance.read) or Maintenance()
        listed = databases.look_at_regions(settings, progress)
    except Refusal as refusal:
        return _Catalog(answers=False, has_account=False, regions=[], refusals=[_finding(refusal)])
    except SQLAlchemyError as error:
        return _Catalog(answers=False, has_account=False, regions=[], refusals=[_of_another_version(error)])
    found = [_region(name, each, WallClock().now()) for name, each in listed if isinstance(each, Progress)]
    return _Catalog(
        answers=True,
        has_account=has_account,
        regions=found,
        refusals=[_finding(each) for _, each in listed if isinstance(each, Refusal)],
        orders=tuple(_orders(orders, WallClock().now())),
    )


def _orders(found: Maintenance, now: datetime) -> Iterator[str]:
    if found.read_only_since is not None:
        yield f"read-only since {found.read_only_since:%Y-%m-%d %H:%M:%S} UTC: 'twinport read-only off' ends it"
    if found.pauses_garbage(now):
        until = found.garbage_paused_until
        end = "" if until is None else f" until {until:%Y-%m-%d %H:%M:%S} UTC"
        yield f"garbage collection is paused{end}: 'twinport gc resume' ends it"


def _region(name: RegionName, found: Progress, now: datetime) -> RegionFacts:
    age = None if found.oldest is None else max(0.0, (now - found.oldest).total_seconds())
    return RegionFacts(name, found.waiting, age, found.failed, found.damaged, found.is_partial)


def _finding(refusal: Refusal) -> Finding:
    is_mended_by_waiting = isinstance(refusal, Unavailable) and not isinstance(refusal, _FOR_A_PERSON)
    standing = Standing.UNREADY if is_mended_by_waiting else Standing.NEEDS_A_PERSON
    return Finding(standing, "; ".join(_sentences(refusal)))


def _sentences(refusal: Refusal) -> list[str]:
    return refusal.problems if isinstance(refusal, ConfigurationWrong) else [refusal.message]


def _of_another_version(error: SQLAlchemyError) -> Finding:
    kind = type(error).__name__
    sentence = f"the tables are of another version of twinport, or damaged ({kind}); 'twinport serve' upgrades them"
    return Finding(Standing.NEEDS_A_PERSON, sentence)


def _of_certificate(settings: Settings) -> list[Finding]:
    if settings.tls_cert is None or settings.tls_key is None:
        return []
    try:
        tls.read(settings.tls_cert, settings.tls_key, WallClock().now())
    except Refusal as refusal:
        return [Finding(Standing.NEEDS_A_PERSON, sentence) for sentence in _sentences(refusal)]
    return []


def _of_folder(settings: Settings) -> list[Finding]:
    if not settings.data.exists():
        return []
    try:
        disks.check(settings.data)
    except Refusal as refusal:
        return [Finding(Standing.NEEDS_A_PERSON, refusal.message)]
    return []


def _disk(folder: Path) -> Disk | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return Disk(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def _process(found: Peer) -> ProcessFacts:
    return ProcessFacts(found.kind, found.pid if found.is_alive and _is_ours(found.pid) else None, found.is_alive)


def _is_ours(pid: int | None) -> bool:
    """Tell whether the process id is valid here: a container has process ids of its own."""
    try:
        return pid is not None and re.search(rb"twinport|python", Path(f"/proc/{pid}/cmdline").read_bytes()) is not None
    except OSError:
        return False
