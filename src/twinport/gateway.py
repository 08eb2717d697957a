"""One address for three services: a request to `/` is ECR's, IAM's or STS's by its target, action and signature.

It also bounds how large a body may be, and how much memory the bodies of one network or one account hold at once.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from twinport.access.authentication import Authenticator
from twinport.access.calls import Call
from twinport.access.uses import Uses
from twinport.aws import dispatch, foreign, protocols, sigv4
from twinport.aws.shapes import Service
from twinport.clock import Clock
from twinport.errors import Refusal
from twinport.http import access_log
from twinport.http.admission import CONSOLE, Admission
from twinport.http.memory import MemoryBudget, MemoryTaken
from twinport.http.messages import Answer, AnyAnswer, BodyTooLarge, Request
from twinport.identities.web_identities import outsider
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.identities import Caller, Origin
from twinport.processes import pools
from twinport.processes.pools import MESSAGES
from twinport.refusals.requests import BodyMalformed, ServerBusy
from twinport.refusals.storage import Interrupted

# A policy of 131,072 characters takes up to three times that in a form. A layer part of 20 MiB is 28 MB of base64.
_BODY_LIMIT = 1 << 20
_LARGE_BODY_LIMIT = 30 << 20
# The operations that need more, by the end of their target. A manifest of 4 MiB grows when JSON escapes it.
_LARGE_BODIES = {"UploadLayerPart": _LARGE_BODY_LIMIT, "PutImage": 12 << 20}
# Nearly every request is smaller than this. Such a request does not wait for memory.
_SMALL_BODY = 1 << 16
# The memory that larger requests may hold together until they are answered, and the share of each network or account. A
# client counts as a stranger until its network has signed with its key, so that an attacker that only knows a key id
# cannot lock its owner out. The time for a body is enough for a slow line, and limited because its signature ages.
_MEMORY_OF_STRANGERS, _SHARE_OF_A_NETWORK = 64 << 20, 32 << 20
_MEMORY_OF_THE_KNOWN, _SHARE_OF_AN_ACCOUNT = 256 << 20, 128 << 20
_BODY_DEADLINE = timedelta(minutes=5)
_LONGEST_NUMBER = 19
# AWS's error codes for refusals by the HTTP server in front of its services.
_CODES = {408: "RequestTimeout", 413: "RequestEntityTooLarge"}


@dataclass(frozen=True, slots=True)
class ServiceParts(dispatch.ServiceTable[Call]):
    """The parts that a service's package provides."""

    # The operations that clients call without a signature.
    unsigned: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class _Received(protocols.Request):
    """A request with the facts by which its caller is judged."""

    origin: Origin = field(kw_only=True)

    @property
    def scheme(self) -> str:
        return "https" if self.origin.secure else "http"


@dataclass(frozen=True, slots=True)
class Gateway:
    """The door at `/`. It reads the body within bounds, since signatures cover it, and calls the service's door."""

    admission: Admission
    authenticator: Authenticator
    world: Clock
    services: tuple[ServiceParts, ...]
    uses: Uses
    strangers: MemoryBudget = field(
        default_factory=lambda: MemoryBudget(_MEMORY_OF_STRANGERS, share=_SHARE_OF_A_NETWORK)
    )
    known: MemoryBudget = field(default_factory=partial(MemoryBudget, _MEMORY_OF_THE_KNOWN, share=_SHARE_OF_AN_ACCOUNT))
    # What is the same for every request.
    _models: tuple[Service, ...] = field(init=False, repr=False)
    _doors: Mapping[str, dispatch.Door[_Received, Call]] = field(init=False, repr=False)
    _signing_names: Collection[str] = field(init=False, repr=False)
    _target_prefixes: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        models = tuple(parts.service for parts in self.services)
        doors = {parts.service.name: self._door(parts) for parts in self.services}
        object.__setattr__(self, "_models", models)
        object.__setattr__(self, "_doors", doors)
        object.__setattr__(self, "_signing_names", frozenset(each.signing_name for each in models))
        object.__setattr__(
            self, "_target_prefixes", tuple(f"{each.target_prefix}." for each in models if each.target_prefix)
        )

    async def answer(self, request: Request) -> AnyAnswer:
        message = _message(request)
        known_at_once = self._answer_by_head(request, message)
        if known_at_once is not None:
            return known_at_once
        try:
            return await self._within_bounds(request, message)
        except BodyTooLarge as refusal:
            return self._refusal(413, refusal, request) or _plain(413, refusal.message)
        except (MemoryTaken, ServerBusy) as refusal:
            return self._refusal(503, refusal, request) or _plain(503, refusal.message)

    def _answer_by_head(self, request: Request, message: sigv4.Message) -> Answer | None:
        """Answer requests for none of our services: for another AWS service, for a path, or a browser's visit."""
        if (foreign_service := self._foreign_service(message)) is not None:
            return _of(foreign.refuse(message, foreign_service, request.id))
        if request.path != "/":
            return _plain(404, f"there is nothing at '{request.path[:200]}'")
        if _is_a_visit(request) and "text/html" in (request.header("accept") or ""):
            return Answer(303, {"location": CONSOLE, "cache-control": "no-store"})
        if _is_a_visit(request):
            return _plain(
                200, "This is twinport. It speaks Amazon ECR, IAM and STS here, and OCI Distribution at /v2/."
            )
        return None

    async def refuse(self, status: int, refusal: Refusal, request: Request) -> Answer | None:
        return self._refusal(status, refusal, request)

    def _refusal(self, status: int, refusal: Refusal, request: Request) -> Answer | None:
        """Word a refusal in the form of the request's service, which its head shows."""
        message = _message(request)
        if (foreign_service := self._foreign_service(message)) is not None:
            return _of(foreign.refuse(message, foreign_service, request.id))
        service = self._service_by_head(protocols.Request(message, b"", request.id), request)
        if service is None:
            return None
        wire = self._doors[service.name].table.wire
        known = next((wire.errors[kind] for kind in type(refusal).__mro__ if kind in wire.errors), wire.failure)
        code = _CODES.get(status, known.code)
        return _of(wire.refuse(replace(known, code=code, status=status), refusal.message, {}, request.id))

    def _service_by_head(self, received: protocols.Request, request: Request) -> Service | None:
        """Return the service of a request from its head alone; None for a request that no AWS client sends."""
        is_form = (request.header("content-type") or "").startswith("application/x-www-form-urlencoded")
        if dispatch.is_told_by_head(received, self._models):
            return dispatch.service_of(received, self._models)
        # An unsigned request is for the service that has unsigned operations.
        return next((each.service for each in self.services if each.unsigned), None) if is_form else None

    def _foreign_service(self, message: sigv4.Message) -> str | None:
        """Return the service that a request is signed for, unless it is one of ours or the target is ECR's."""
        if any(target.startswith(self._target_prefixes) for target in message.values("x-amz-target")):
            return None
        return foreign.service_of(message, self._signing_names)

    async def _within_bounds(self, request: Request, message: sigv4.Message) -> Answer:
        size = _announced(request)
        if size <= _SMALL_BODY:
            return await self._answered(self._received(request, message, await _read(request, _SMALL_BODY)))
        claim = await self.authenticator.named_by(message, self.admission.origin_of(request, self.world.now()))
        # Only a client that names an existing key may send more than _BODY_LIMIT.
        limit = _BODY_LIMIT if claim is None else _limit_of(request)
        if claim is not None and claim.is_proven:
            budget, party = self.known, str(claim.account)
        else:
            budget, party = self.strangers, pools.PARTY.get()
        async with budget.taken(min(size, limit), party):
            held = [self._received(request, message, await _read(request, limit))]
            try:
                return await self._answered(held[0])
            finally:
                # Freeing many megabytes takes milliseconds.
                await MESSAGES.start_ending(held.clear)

    def _received(self, request: Request, message: sigv4.Message, body: bytes) -> _Received:
        return _Received(message, body, request.id, origin=self.admission.origin_of(request, self.world.now()))

    async def _answered(self, received: _Received) -> Answer:
        if not _is_signed(received.message):
            # The form alone tells the service, and whether the operation needs a signature.
            await _parse_form(received)
        service = dispatch.service_of(received, self._models)
        return _of(await self._doors[service.name].answer(received))

    def _door(self, parts: ServiceParts) -> dispatch.Door[_Received, Call]:
        return dispatch.Door(parts, partial(self._authenticated, parts), _report, MESSAGES.run)

    async def _authenticated(self, parts: ServiceParts, received: _Received) -> Call:
        """Return the call of a request: its caller, and the address that its client used."""
        caller = await self._caller(parts, received)
        _note_operation(parts, received)
        return Call(caller, received.message.values("host")[0], received.scheme)

    async def _caller(self, parts: ServiceParts, received: _Received) -> Caller:
        """Return the signer of a request; for an operation without a signature, an anonymous caller."""
        message, service = received.message, parts.service.signing_name
        if not _is_signed(message) and _is_unsigned_operation(parts, received):
            return self._anonymous(received)
        caller = await self.authenticator.authenticate(message, received.body, service, received.origin)
        await _parse_form(received)
        if _is_unsigned_operation(parts, received):
            return self._anonymous(received)
        self.uses.note(caller, service)
        return caller

    def _anonymous(self, received: _Received) -> Caller:
        region = self.authenticator.region_of_unsigned(received.message)
        return outsider(replace(received.origin, region=region))


def _limit_of(request: Request) -> int:
    """Return the largest body that the named operation may have."""
    operation = (request.header("x-amz-target") or "").rpartition(".")[2]
    return _LARGE_BODIES.get(operation, _BODY_LIMIT)


def _message(request: Request) -> sigv4.Message:
    return sigv4.Message(request.method, request.raw_path, request.query, request.headers)


def _of(response: protocols.Response) -> Answer:
    return Answer(response.status, response.headers, response.body)


def _announced(request: Request) -> int:
    """Return the announced size of the body. A body without an announced size counts as the largest allowed."""
    length = request.header("content-length")
    if length is None:
        return 0 if request.method in ("GET", "HEAD") else _LARGE_BODY_LIMIT
    return int(length) if length.isdecimal() and len(length) <= _LONGEST_NUMBER else _LARGE_BODY_LIMIT


async def _read(request: Request, limit: int) -> bytes:
    """Read the body. Raises BodyTooLarge, Interrupted."""
    try:
        async with asyncio.timeout(_BODY_DEADLINE.total_seconds()):
            return await request.body(limit)
    except TimeoutError:
        raise Interrupted(f"the request was not here within {_BODY_DEADLINE.total_seconds():.0f} seconds") from None


def _is_a_visit(request: Request) -> bool:
    """Tell whether a person's browser, not an AWS client, sent the request: it has no query and no signature."""
    return request.method in ("GET", "HEAD") and not request.query and request.header("authorization") is None


def _is_signed(message: sigv4.Message) -> bool:
    """Tell whether a request has a signature that can be read, true or false."""
    try:
        message.signed()
    except Refusal:
        return False
    return True


async def _parse_form(received: protocols.Request) -> None:
    """Parse a large form beside the event loop. The door reports its problems."""
    if len(received.body) > dispatch.LARGE and not received.message.values("x-amz-target"):
        with contextlib.suppress(BodyMalformed):
            await MESSAGES.run(received.parameters)


def _is_unsigned_operation(parts: ServiceParts, received: protocols.Request) -> bool:
    if not parts.unsigned:
        return False
    try:
        return parts.wire.operation_name(received) in parts.unsigned
    except Refusal:
        return False


def _note_operation(parts: ServiceParts, received: protocols.Request) -> None:
    """Note the requested operation for the access log. The door refuses a request without an operation."""
    if access_log.is_kept():
        with contextlib.suppress(Refusal):
            access_log.note_operation(f"{parts.service.name}:{parts.wire.operation_name(received)}")


def _report(received: protocols.Request, defect: Exception) -> None:
    telemetry.failure(Event.REQUEST_FAILED, defect, target="".join(received.message.values("x-amz-target")))


def _plain(status: int, text: str) -> Answer:
    headers = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
    return Answer(status, headers, f"{text}\n".encode())
