"""The ASGI application: every request gets an id, is admitted, and goes to the door for its path."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from twinport.errors import Refusal
from twinport.http import access_log
from twinport.http.admission import Admission
from twinport.http.messages import (
    Answer,
    AnyAnswer,
    Door,
    Drain,
    Incoming,
    Receive,
    RefusingDoor,
    Request,
    Send,
    request_of,
    send_answer,
)
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics.requests import Measurement, measured
from twinport.model.networks import network_of
from twinport.processes import pools
from twinport.processes.draining import Draining
from twinport.processes.pools import PARTY
from twinport.refusals.callers import HostUnclear, OriginRefused
from twinport.refusals.storage import BodyBroken, Interrupted

_DRAIN = Drain()
# The underlying server reads somewhat more than its limit.
LARGEST_HEAD = 1 << 17
_TLS_FOR_A_YEAR = "max-age=31536000"
# After how many seconds a retry is useful: for too many requests, and for an unavailable part.
RETRY_AFTER = {429: "1", 503: "5"}


@dataclass(frozen=True, slots=True)
class Application:
    """`doors` maps path prefixes to doors, tried in order. The last door, with prefix `/`, takes all other paths."""

    admission: Admission
    doors: tuple[tuple[str, Door], ...]
    drain: Drain = _DRAIN
    has_access_log: bool = False
    draining: Draining = field(default_factory=Draining)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.draining.requests += 1
            try:
                await self._respond(scope, receive, send)
            finally:
                self.draining.requests -= 1

    async def _respond(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        entry = access_log.begin(receive, send) if self.has_access_log else None
        incoming = Incoming(receive if entry is None else entry.receive)
        request = request_of(scope, incoming, _new_id())
        pools.DEPARTURE.set(incoming.left)
        with telemetry.bound(request_id=request.id):
            try:
                await self._converse(request, incoming, send if entry is None else entry.send)
            finally:
                if entry is not None:
                    entry.write(request, self.admission.client(request)[0])

    async def _converse(self, request: Request, incoming: Incoming, send: Send) -> None:
        with measured() as measurement:
            await self._answer_to(send, request, incoming, measurement)
        if not incoming.has_ended and (incoming.has_begun or request.announces_body):
            await incoming.drop_rest(self.drain)

    async def _answer_to(self, send: Send, request: Request, incoming: Incoming, measurement: Measurement) -> None:
        is_head = request.method == "HEAD"
        answer = self._finished(await self._answer(request), request, incoming)
        measurement.status, measurement.received = answer.status, incoming.received
        measurement.sent = 0 if is_head else answer.length
        try:
            await send_answer(send, answer, head=is_head)
        except (Interrupted, OSError) as error:
            measurement.is_cut_off = True
            telemetry.warning(Event.ANSWER_CUT_OFF, path=request.path, reason=str(error))

    async def _answer(self, request: Request) -> AnyAnswer:
        PARTY.set(network_of(self.admission.client(request)[0]))
        if (refused := _refused_head(request)) is not None:
            return refused
        try:
            self.admission.admit(request)
            return _with_pause(await self._door(request.path).answer(request))
        except OriginRefused as refusal:
            return await self._refused(403, refusal, request)
        except (HostUnclear, BodyBroken) as refusal:
            return await self._refused(400, refusal, request)
        except Interrupted as fact:
            # The client broke off the request, so no door could read it.
            return await self._refused(408, fact, request)
        except Exception as error:  # noqa: BLE001 — the last catch: a defect becomes one log line and a plain answer
            telemetry.failure(Event.REQUEST_FAILED, error, method=request.method, path=request.path)
            return message(500, "an unexpected error occurred; the log has it under this request's id", request)

    async def _refused(self, status: int, refusal: Refusal, request: Request) -> Answer:
        """Refuse in the form of the request's door, if the door has its own."""
        door = self._door(request.path)
        own = await door.refuse(status, refusal, request) if isinstance(door, RefusingDoor) else None
        return message(status, refusal.message, request) if own is None else own

    def _finished(self, answer: AnyAnswer, request: Request, incoming: Incoming) -> AnyAnswer:
        """Add the headers about the connection, the same for every door."""
        more: dict[str, str] = {}
        if self.admission.asks_for_tls(request):
            more["strict-transport-security"] = _TLS_FOR_A_YEAR
        # Where a broken body ends and the next request begins is unknown. HTTP/2 has frames for that, not this header.
        # A process that drains wants its clients to come back by another one.
        if (incoming.is_broken or self.draining.is_on) and request.http_version.startswith("1"):
            more["connection"] = "close"
        return replace(answer, headers={**answer.headers, **more}) if more else answer

    def _door(self, path: str) -> Door:
        return next(door for prefix, door in self.doors if path.startswith(prefix) or path == prefix.rstrip("/"))


def _new_id() -> str:
    """Return a random UUID (RFC 9562 section 5.4) without asking the system, which is a turn of the interpreter's lock.

    It is no secret: a client finds the log's lines by it.
    """
    digits = f"{random.getrandbits(128):032x}"
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )


def _refused_head(request: Request) -> Answer | None:
    """Refuse a head that no door may get: one that is too large, or one whose target is no path."""
    if request.head_size > LARGEST_HEAD:
        return message(431, f"the head of the request is larger than {LARGEST_HEAD} bytes", request)
    if not request.raw_path.startswith("/"):
        # For example `*` of OPTIONS, or the authority of CONNECT (RFC 9112 section 3.2).
        return message(400, "the target of a request is a path here, which begins with '/'", request)
    return None


def _with_pause(answer: AnyAnswer) -> AnyAnswer:
    """Add the time for a retry to a refusal of any door that the client may retry."""
    pause = RETRY_AFTER.get(answer.status)
    if pause is None or "retry-after" in answer.headers:
        return answer
    return replace(answer, headers={**answer.headers, "retry-after": pause})


def message(status: int, text: str, request: Request) -> Answer:
    """Return a plain answer that belongs to no door: JSON with a message and the request's id."""
    headers = {"content-type": "application/json", "x-content-type-options": "nosniff", "x-request-id": request.id}
    content = {"message": text, "requestId": request.id}
    return Answer(status, headers, json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode())
