"""From an HTTP request to a handler and back: which service, which operation, in which protocol.

Nothing here depends on ASGI. The order is AWS's: the caller is authenticated before the input is parsed, so a stranger
learns neither which operations exist nor what is wrong with an input.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from twinport.aws import protocols
from twinport.aws.protocols import Request, Response, WireError
from twinport.aws.shapes import Operation, Service
from twinport.errors import AccessDenied, Refusal, Unavailable
from twinport.metrics import current_request
from twinport.refusals.requests import NotBuiltYet, OperationUnknown

Context = TypeVar("Context")
# A request as the caller of the door has it: with what the caller's own `authenticate` needs besides.
Received = TypeVar("Received", bound=Request)
T = TypeVar("T")
# A body or an answer above this is parsed or written beside the event loop: it may hold thousands of members.
LARGE = 1 << 14
_MANY = 500
# The header with the encoded reason of a denial. AWS's messages of these services have no place for it.
ENCODED_MESSAGE = "x-twinport-authorization-message"
# Seconds. Amazon ECR's fault is a 500, so the status alone does not tell a client that it may try again.
RETRY_AFTER = "5"

# A handler takes the caller's context and the validated input, and returns the output, if the operation has one.
Handler = Callable[[Context, Any], Awaitable[Mapping[str, object] | None]]


class Beside(Protocol):
    """Runs a slow function beside the event loop, and returns its result."""

    async def __call__(self, job: Callable[[], T], /) -> T: ...


async def _here(job: Callable[[], T], /) -> T:
    return job()


@dataclass(frozen=True, slots=True)
class ServiceTable(Generic[Context]):
    """The handlers and the refusals of one service, which are the same for every request.

    `errors` adds the service's own refusals to those of its protocol; `refusals` has both.
    """

    service: Service
    handlers: Mapping[str, Handler[Context]]
    errors: Mapping[type[Refusal], WireError]
    wire: protocols.Wire = field(init=False)
    refusals: Mapping[type[Refusal], WireError] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        strangers = set(self.handlers) - set(self.service.operations)
        if strangers:
            raise ValueError(f"{self.service.name} has no operations {sorted(strangers)}")
        wire = protocols.of(self.service)
        object.__setattr__(self, "wire", wire)
        object.__setattr__(self, "refusals", {**wire.errors, **self.errors})

    def operation(self, name: str) -> Operation:
        """Return the operation of a name. Raises OperationUnknown, NotBuiltYet."""
        if name not in self.service.operations:
            raise OperationUnknown(name)
        if name not in self.handlers:
            raise NotBuiltYet(name)
        return self.service.operations[name]


@dataclass(frozen=True, slots=True)
class Door(Generic[Received, Context]):
    """The door of one service, built once for all its requests.

    `authenticate` makes the context of a request or refuses it. `report` receives each defect; the client gets only
    the request id. `beside` parses large inputs and writes large answers.
    """

    table: ServiceTable[Context]
    authenticate: Callable[[Received], Awaitable[Context]]
    report: Callable[[Received, Exception], None]
    beside: Beside = _here

    async def answer(self, request: Received) -> Response:
        """Answer a request; every refusal and every defect becomes an error of the service's protocol."""
        table, wire = self.table, self.table.wire
        current_request.entered(table.service.signing_name)
        try:
            context = await self.authenticate(request)
            operation = table.operation(wire.operation_name(request))
            current_request.asked(f"{table.service.signing_name}:{operation.name}")
            given = await self._run(partial(wire.read, request, operation), is_large=len(request.body) > LARGE)
            request.inputs.append(given)
            output = await table.handlers[operation.name](context, given) or {}
            return await self._run(partial(wire.answer, operation, output, request.id), is_large=is_large(output))
        except Refusal as refusal:
            return self._refused(request, refusal)
        except Exception as defect:  # noqa: BLE001 - the last line before the wire
            return self._failed(request, defect)

    async def _run(self, job: Callable[[], T], *, is_large: bool) -> T:
        return await self.beside(job) if is_large else job()

    def _refused(self, request: Received, refusal: Refusal) -> Response:
        for kind in type(refusal).__mro__:
            if kind in self.table.refusals:
                error = self.table.refusals[kind]
                current_request.refused(error.code)
                response = self.table.wire.refuse(error, str(refusal), error.members(refusal), request.id)
                return replace(response, headers={**response.headers, **_sealed_reason(refusal), **_pause(refusal)})
        return self._failed(request, refusal)

    def _failed(self, request: Received, defect: Exception) -> Response:
        wire = self.table.wire
        self.report(request, defect)
        current_request.refused(wire.failure.code)
        message = f"The request failed inside twinport. Its id is '{request.id}'."
        return wire.refuse(wire.failure, message, {}, request.id)


def _sealed_reason(refusal: Refusal) -> Mapping[str, str]:
    encoded = refusal.encoded if isinstance(refusal, AccessDenied) else None
    return {ENCODED_MESSAGE: encoded} if encoded else {}


def _pause(refusal: Refusal) -> Mapping[str, str]:
    """Return the header that says when to try again, independent of the service's status for it."""
    return {"retry-after": RETRY_AFTER} if isinstance(refusal, Unavailable) else {}


def service_of(request: Request, services: Sequence[Service]) -> Service:
    """Tell which service a request is for: by its target, else the scope of its signature, else its version.

    Refuses nothing. A form is parsed only if no signature tells the service. A request that names no service goes to
    one with its protocol. After authentication, that service refuses it because it names no operation.
    """
    targets = request.message.values("x-amz-target")
    if targets:
        prefix, _, _ = targets[0].rpartition(".")
        speaking = [it for it in services if it.protocol == "json"]
        named = [it for it in speaking if it.target_prefix == prefix]
    else:
        speaking = [it for it in services if it.protocol == "query"]
        named = _signed_for(request, speaking) or [it for it in speaking if it.api_version == _version(request)]
    return (named or _signed_for(request, services) or speaking or services)[0]


def is_told_by_head(request: Request, services: Sequence[Service]) -> bool:
    """Tell whether a request names its service before its body is read: by a target, a query or a scope."""
    return bool(
        request.message.values("x-amz-target")
        or _signed_for(request, services)
        or any(it.api_version == _version(request) for it in services if it.protocol == "query")
    )


def is_large(output: object) -> bool:
    """Tell whether an answer takes long to write. Inspects only as much of it as needed."""
    left, budget = [output], LARGE
    while left and budget > 0:
        match left.pop():
            case str() | bytes() as text:
                budget -= len(text)
            case Mapping() as members:
                left.extend(members.values())
            case list() | tuple() as entries:
                left.extend(entries)
            case _:
                pass
        budget -= LARGE // _MANY
    return budget <= 0


def unimplemented(service: Service, handlers: Iterable[str]) -> list[str]:
    """Return the model's operations without a handler, for the documentation."""
    return sorted(set(service.operations) - set(handlers))


def _version(request: Request) -> str:
    try:
        return request.parameters().get("Version", "")
    except Refusal:
        return ""


def _signed_for(request: Request, services: Sequence[Service]) -> list[Service]:
    try:
        scope = request.message.signed().scope
    except Refusal:
        return []
    return [it for it in services if it.signing_name == scope.service]
