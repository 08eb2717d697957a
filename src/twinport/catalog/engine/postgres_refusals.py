"""Translates PostgreSQL's errors to our refusals; the cause goes to the log, without address and password.

A connection that fails in a commit leaves the outcome unknown: `engine.postgres` says that itself.
"""

import re
import threading
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy import URL
from sqlalchemy.exc import DataError, DBAPIError

from twinport.errors import BadRequest
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.refusals.storage import OutcomeUnknown, StorageUnavailable

_SERIALIZATION_FAILED, _DEADLOCK = "40001", "40P01"
_NO_CHARACTER = "22021"
_NO_DATABASE = "3D000"
# Connections, credentials, missing databases, resources, the operator, waits, privileges, read-only transactions, the
# system beneath.
_UNAVAILABLE = ("08", "28", _NO_DATABASE, "53", "57", "55P03", "42501", "25006", "58", "XX")
# The places where the driver's messages tell the address of the server.
_PLACES = (
    (re.compile(r"connection to server (?:at|on socket) .*? failed: "), ""),
    (re.compile(r"(host(?: name)?) (?:\"[^\"]*\"|'[^']*')"), r"\1 (not shown)"),
)
_LONGEST_CAUSE = 300
# The same cause is logged once in this time, however many requests meet it.
_QUIET_SECONDS = 1.0
_MOST_CAUSES = 64


def may_pass(error: DBAPIError) -> bool:
    """Tell whether a failed attempt changed nothing, and may succeed if it is repeated at once."""
    return error.connection_invalidated or state_of(error) in (_SERIALIZATION_FAILED, _DEADLOCK)


def refusal(error: DBAPIError) -> Exception:
    """Return our refusal for an error, without details that only the operator may know; a defect stays as it is."""
    state = state_of(error)
    if isinstance(error, DataError) and state in (None, _NO_CHARACTER):
        return BadRequest("a value holds a character that cannot be stored")
    if error.connection_invalidated or state is None:
        return StorageUnavailable("the database cannot be reached")
    if state in (_SERIALIZATION_FAILED, _DEADLOCK) or state.startswith(_UNAVAILABLE):
        return StorageUnavailable(f"the database failed with SQLSTATE {state}")
    return error


def state_of(error: DBAPIError) -> str | None:
    """Return the SQLSTATE that the server gave; none if there was no server to give one."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def cause_of(error: DBAPIError, url: URL) -> str:
    """Return the driver's message in one line, without the server's address and the password."""
    diagnosis = getattr(error.orig, "diag", None)
    text = (getattr(diagnosis, "message_primary", None) or str(error.orig)).partition("\n")[0]
    for pattern, instead in _PLACES:
        text = pattern.sub(instead, text)
    for secret in (url.password, url.host):
        text = text.replace(str(secret), "(not shown)") if secret else text
    return text[:_LONGEST_CAUSE]


@dataclass
class Log:
    """Logs the causes of refusals, each at most once a second."""

    _told: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, refusal: Exception, cause: str) -> None:
        """Log why the database failed, if the refusal means that it did."""
        if isinstance(refusal, (StorageUnavailable, OutcomeUnknown)) and self._is_news(cause):
            telemetry.warning(Event.DATABASE_REFUSED, reason=cause)

    def _is_news(self, cause: str) -> bool:
        now = monotonic()
        with self._lock:
            if now - self._told.get(cause, -_QUIET_SECONDS) < _QUIET_SECONDS:
                return False
            if len(self._told) >= _MOST_CAUSES:
                self._told.clear()
            self._told[cause] = now
            return True
