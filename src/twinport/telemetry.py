"""Structured events: facts with fields, one line each, on standard error.

Ours is small because it is paid for at every start: docs/decisions/0004-lean-imports.md.
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import Enum

import orjson


class Event(Enum):
    """Every event there is."""

    SERVER_STARTED = "server.started"
    SERVER_STOPPED = "server.stopped"
    FOLDER_OPEN = "folder.open_to_others"
    ACCOUNTS_OPEN_TO_OTHERS = "accounts.open_to_others"
    ACCOUNTS_NONE_YET = "accounts.none_yet"
    ACCOUNTS_NOT_OPENED = "accounts.not_opened"
    OPEN_ACCOUNT_REFUSED = "open_account.refused"
    SERVER_READY = "server.ready"
    SERVER_UNREADY = "server.unready"
    DATABASE_REFUSED = "database.refused"
    CERTIFICATE_SHOWN = "certificate.shown"
    CERTIFICATE_REFUSED = "certificate.refused"
    REQUEST_FAILED = "request.failed"
    ANSWER_CUT_OFF = "answer.cut_off"
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
    LITTER_FOUND = "litter.found"
    IMAGE_PUT = "image.put"
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


Field = str | float | bool | None

_fields: ContextVar[dict[str, Field]] = ContextVar("fields", default={})  # noqa: B039 — replaced, never changed


def is_read_by_a_person() -> bool:
    """Tell whether events go to a terminal."""
    return sys.stderr.isatty()


def event(name: Event, **fields: Field) -> None:
    """Record that a fact changed."""
    _write("info", name, fields)


def warning(name: Event, **fields: Field) -> None:
    """Record what went wrong and heals by itself."""
    _write("warning", name, fields)


def alarm(name: Event, **fields: Field) -> None:
    """Record what does not heal by itself: a person must act."""
    _write("error", name, fields)


def failure(name: Event, error: BaseException, **fields: Field) -> None:
    """Record an unexpected exception with its traceback: a person must act."""
    _write("error", name, fields | {"exception": "".join(traceback.format_exception(error))})


@contextmanager
def bound(**fields: Field) -> Iterator[None]:
    """Add fields to every event within, in this task and those it starts."""
    token = _fields.set(_fields.get() | fields)
    try:
        yield
    finally:
        _fields.reset(token)


def _write(level: str, name: Event, fields: dict[str, Field]) -> None:
    """Write one line: aligned text on a terminal, JSON elsewhere. One write, so that lines never mix."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    whole = _fields.get() | fields
    if is_read_by_a_person():
        facts = " ".join(f"{key}={value}" for key, value in whole.items() if value is not None)
        line = f"{at[11:23]} {level:<7} {name.value:<20} {facts}"
    else:
        line = orjson.dumps({"at": at, "level": level, "event": name.value, **whole}).decode()
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
