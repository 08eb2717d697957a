"""Asks whatever answers at the address in the settings, or at a given one, whether it is ready."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from twinport.model.printable import printable
from twinport.settings.loading import Settings
from twinport.settings.own_address import url_of

READY_PATH = "/_twinport/health/ready"
# The server allows each of its parts two seconds.
_LIMIT_SECONDS = 4.0
_LARGEST_ANSWER = 1 << 14
_OK = 200


@dataclass(frozen=True, slots=True)
class Readiness:
    """The server's answer. `answers` is False if there was none; then `reason` says why."""

    url: str
    answers: bool
    is_ready: bool
    reason: str = ""

    def line(self) -> str:
        if self.is_ready:
            return f"ready: {self.url}"
        return printable(f"{'not ready' if self.answers else 'no answer'}: {self.url}: {self.reason}")


def ask(settings: Settings) -> Readiness:
    """Ask whether the server is ready now, at the address of the settings. Waits a few seconds at most."""
    if settings.port == 0:
        return Readiness(url_of(settings, 0), False, False, "the system chose the port; say which with 'listen'")  # noqa: FBT003
    return ask_at(url_of(settings, settings.port))


def ask_at(url: str) -> Readiness:
    """As `ask`, at an address of this machine."""
    try:
        return _answered(url, *_get(url))
    except (OSError, HTTPException) as error:
        return Readiness(url, answers=False, is_ready=False, reason=_words(error))


def _get(url: str) -> tuple[int, bytes]:
    connection = _connection(url)
    try:
        connection.request("GET", READY_PATH)
        answer = connection.getresponse()
        return answer.status, answer.read(_LARGEST_ANSWER)
    finally:
        connection.close()


def _connection(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return HTTPConnection(host, port, timeout=_LIMIT_SECONDS)
    # The certificate names the hosts that clients use. Here the address itself shows that the server is ours.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=_LIMIT_SECONDS, context=context)


def _answered(url: str, status: int, body: bytes) -> Readiness:
    if status == _OK:
        return Readiness(url, answers=True, is_ready=True)
    try:
        content = json.loads(body)
    except ValueError:
        content = {}
    missing, told = (content.get("missing"), content.get("reason")) if isinstance(content, Mapping) else (None, None)
    reason = f"{', '.join(map(str, missing))} away" if isinstance(missing, list) else f"HTTP status {status}"
    return Readiness(url, answers=True, is_ready=False, reason=told if isinstance(told, str) else reason)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_LIMIT_SECONDS:g} seconds"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
