"""Structured events: facts with fields, one line each, on standard error or in the file that `log_file` names.

This module is small because every start imports it: docs/decisions/0004-lean-imports.md.
"""

import importlib
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import orjson

from twinport.logs.file import EventFile
from twinport.logs.levels import LogLevel
from twinport.metrics import names
from twinport.model.printable import printable, printable_json


class Event(Enum):
    """All events."""

    SERVER_STARTED = "server.started"
    SERVER_STOPPED = "server.stopped"
    FOLDER_SHARED = "folder.holds_others"
    FOLDER_OPEN = "folder.open_to_others"
    ACCOUNTS_OPEN_TO_OTHERS = "accounts.open_to_others"
    ACCOUNTS_NONE_YET = "accounts.none_yet"
    ACCOUNTS_NOT_OPENED = "accounts.not_opened"
    ENCRYPTION_NOT_APPLIED = "encryption.not_applied"
    OPEN_ACCOUNT_REFUSED = "open_account.refused"
    SERVER_READY = "server.ready"
    SERVER_UNREADY = "server.unready"
    DRAIN_BEGUN = "drain.begun"
    DRAIN_UNDONE = "drain.undone"
    DATABASE_REFUSED = "database.refused"
    CERTIFICATE_SHOWN = "certificate.shown"
    CERTIFICATE_REFUSED = "certificate.refused"
    REQUEST_ANSWERED = "request.answered"
    REQUEST_FAILED = "request.failed"
    ANSWER_CUT_OFF = "answer.cut_off"
    ACCESS_ALLOWED = "access.allowed"
    ACCESS_DENIED = "access.denied"
    ISSUER_UNREACHABLE = "issuer.unreachable"
    SIGN_IN_DONE = "sign_in.done"
    SIGN_IN_REFUSED = "sign_in.refused"
    ROLE_CREATED = "role.created"
    ROLE_DELETED = "role.deleted"
    DELETION_SETTLED = "deletion.settled"
    DATABASE_DAMAGED = "database.damaged"
    BLOB_DAMAGED = "blob.damaged"
    BLOB_QUARANTINED = "blob.quarantined"
    BLOB_RELEASED = "blob.released"
    BLOB_HEALED = "blob.healed"
    BLOBS_VERIFIED = "blobs.verified"
    MANIFEST_DAMAGED = "manifest.damaged"
    MANIFEST_HEALED = "manifest.healed"
    MANIFESTS_VERIFIED = "manifests.verified"
    GARBAGE_SWEPT = "garbage.swept"
    ORPHANS_FOUND = "orphans.found"
    UNFINISHED_REMOVED = "unfinished.removed"
    REPOSITORY_CREATED_ON_PUSH = "repository.created_on_push"
    IMAGE_PUT = "image.put"
    SCAN_ENDED = "scan.ended"
    IMAGE_EXPIRED = "image.expired"
    IMAGE_ARCHIVED = "image.archived"
    IMAGE_RESTORED = "image.restored"
    LIFECYCLE_APPLIED = "lifecycle.applied"
    DELIVERY_BEGUN = "delivery.begun"
    DELIVERY_SETTLED = "delivery.settled"
    DELIVERY_POSTPONED = "delivery.postponed"
    DELIVERY_REOPENED = "delivery.reopened"
    DELIVERIES_OWED_AGAIN = "deliveries.owed_again"
    HISTORY_FORGOTTEN = "history.forgotten"
    DELIVERY_LEASE_LOST = "delivery.lease_lost"
    PROCESS_STARTED = "process.started"
    PROCESS_ENDED = "process.ended"
    PROCESS_BROKEN = "process.broken"
    WORKER_STARTED = "worker.started"
    WORKER_STOPPED = "worker.stopped"
    HOLDER_DIED = "holder.died"
    WORKER_HINDERED = "worker.hindered"
    WORKER_FAILED = "worker.failed"
    STATE_RESET = "state.reset"
    LOG_UNWRITABLE = "log.unwritable"


Field = str | float | bool | None

_fields: ContextVar[dict[str, Field]] = ContextVar("fields", default={})  # noqa: B039 — replaced, never changed


@dataclass(slots=True)
class _Log:
    """Where this process writes its events, and from which level on.

    `is_hindered`: the last line could not be written to the file. `lost` counts the lines that could not be written
    anywhere.
    """

    level: LogLevel = LogLevel.INFO
    file: EventFile | None = None
    is_hindered: bool = False
    lost: int = 0


_log = _Log()


def configure(level: LogLevel = LogLevel.INFO, file: EventFile | None = None) -> None:
    """Write events of this level and above from now on: to the file, or to standard error if there is none."""
    if _log.file is not None:
        _log.file.close()
    _log.level, _log.file = level, file


def is_read_by_a_person() -> bool:
    """Tell whether a terminal shows the events of level INFO."""
    return shows(LogLevel.INFO) and _log.file is None and sys.stderr.isatty()


def shows(level: LogLevel) -> bool:
    """Tell whether events of a level are written. For code whose fields are expensive to gather."""
    return level >= _log.level


def debug(name: Event, **fields: Field) -> None:
    """Record a step that helps to find a fault."""
    _write(LogLevel.DEBUG, name, fields)


def event(name: Event, **fields: Field) -> None:
    """Record that a fact changed."""
    _write(LogLevel.INFO, name, fields)


def warning(name: Event, **fields: Field) -> None:
    """Record a problem that resolves itself."""
    _write(LogLevel.WARNING, name, fields)


def alarm(name: Event, **fields: Field) -> None:
    """Record a problem that does not resolve itself: a person must act."""
    _write(LogLevel.ERROR, name, fields)


def failure(name: Event, error: BaseException, **fields: Field) -> None:
    """Record an unexpected exception with its traceback: a person must act."""
    _write(LogLevel.ERROR, name, fields | {"exception": "".join(traceback.format_exception(error))})


class bound:  # noqa: N801 — used as a statement
    """Add fields to every event in the block, in this task and the tasks that it starts."""

    __slots__ = ("_added", "_token")

    def __init__(self, **fields: Field) -> None:
        self._added = fields

    def __enter__(self) -> None:
        self._token = _fields.set(_fields.get() | self._added)

    def __exit__(self, *_: object) -> None:
        _fields.reset(self._token)


def _write(level: LogLevel, name: Event, fields: dict[str, Field]) -> None:
    """Write one event. A full disk ends no request: a lost line is counted, and the next line reports the count."""
    if level is LogLevel.ERROR:
        names.ALARMS.add(name.value)
    if level < _log.level:
        return
    lost = {"lines_lost": _log.lost} if _log.lost else {}
    at, whole = datetime.now(UTC).isoformat(timespec="milliseconds"), _fields.get() | fields | lost
    if _log.file is not None and _is_filed(_log.file, _json(at, level, name, whole) + b"\n"):
        return
    try:
        _print(at, level, name, whole)
        _log.lost = 0
    except OSError:
        _log.lost += 1


def _is_filed(file: EventFile, line: bytes) -> bool:
    """Write a line to the file. Returns False after a failure; the first time it also prints the reason."""
    try:
        file.write(line)
    except OSError as error:
        if not _log.is_hindered:
            _log.is_hindered = True
            at, facts = datetime.now(UTC).isoformat(timespec="milliseconds"), {"file": str(file.path)}
            with suppress(OSError):
                _print(at, LogLevel.WARNING, Event.LOG_UNWRITABLE, facts | {"reason": error.strerror or str(error)})
        return False
    _log.is_hindered, _log.lost = False, 0
    return True


def _print(at: str, level: LogLevel, name: Event, whole: Mapping[str, Field]) -> None:
    """Write text to a terminal, JSON elsewhere. A single write, so that lines never mix."""
    if sys.stderr.isatty():
        # Imported only for a terminal: a server behind a pipe does not pay for it.
        text = importlib.import_module("twinport.logs.text").shown(at[11:23], level.word, name.value, whole)
    else:
        text = _json(at, level, name, whole).decode()
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _json(at: str, level: LogLevel, name: Event, whole: Mapping[str, Field]) -> bytes:
    """Format an event as JSON. Escapes control characters beyond ASCII, which orjson leaves: they control terminals."""
    said = {"at": at, "level": level.word, "event": name.value, **whole}
    try:
        line = orjson.dumps(said)
    except orjson.JSONEncodeError:
        # It contains a lone surrogate, for example from a file name that is not valid text.
        line = orjson.dumps({key: printable(value) if isinstance(value, str) else value for key, value in said.items()})
    return printable_json(line.decode()).encode()
