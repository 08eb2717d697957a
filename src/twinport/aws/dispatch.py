"""From an HTTP request to a handler and back: which service, which operation, in which protocol.

Nothing here knows of ASGI. The order is AWS's: who calls is settled before the body is read, so a stranger learns
neither which operations exist nor what is wrong with an input.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from twinport.aws import protocols, sigv4
from twinport.aws.protocols import Request, Response, WireError
from twinport.aws.shapes import Operation, Service
from twinport.errors import AccessDenied, Refusal
from twinport.refusals.requests import NotBuiltYet, OperationUnknown

Context = TypeVar("Context")
# Says of a denial why, to those who may decode it. AWS's texts of these services have no place for it.
ENCODED_MESSAGE = "x-twinport-authorization-message"

# A handler takes the caller's context and the validated input, and returns the output, if the operation has one.
Handler = Callable[[Context, Any], Awaitable[Mapping[str, object] | None]]


@dataclass(frozen=True, slots=True)
class Door(Generic[Context]):
    """One service's way in.

    `errors` adds the service's own refusals to those of its protocol. `authenticate` makes the context of a request or
    refuses it. `report` hears of each defect, whose caller is told the request id and nothing else.
    """

    service: Service
    handlers: Mapping[str, Handler[Context]]
    errors: Mapping[type[Refusal], WireError]
    authenticate: Callable[[Request], Awaitable[Context]]
    report: Callable[[Request, Exception], None]

    def __post_init__(self) -> None:
        strangers = set(self.handlers) - set(self.service.operations)
        if strangers:
            raise ValueError(f"{self.service.name} has no operations {sorted(strangers)}")

    async def answer(self, request: Request) -> Response:
        """Answer a request; every refusal and every defect becomes an error of the service's protocol."""
        wire = protocols.of(self.service)
        try:
            context = await self.authenticate(request)
            operation = self._operation(wire.operation_name(request))
            output = await self.handlers[operation.name](context, wire.read(request, operation))
            return wire.answer(operation, output or {}, request.id)
        except Refusal as refusal:
            return self._refused(wire, request, refusal)
        except Exception as defect:  # noqa: BLE001 - the last line before the wire
            return self._failed(wire, request, defect)

    def _operation(self, name: str) -> Operation:
        if name not in self.service.operations:
            raise OperationUnknown(name)
        if name not in self.handlers:
            raise NotBuiltYet(name)
        return self.service.operations[name]

    def _refused(self, wire: protocols.Wire, request: Request, refusal: Refusal) -> Response:
        table = {**wire.errors, **self.errors}
        for kind in type(refusal).__mro__:
            if kind in table:
                error = table[kind]
                response = wire.refuse(error, str(refusal), error.members(refusal), request.id)
                return replace(response, headers={**response.headers, **_sealed_reason(refusal)})
        return self._failed(wire, request, refusal)

    def _failed(self, wire: protocols.Wire, request: Request, defect: Exception) -> Response:
        self.report(request, defect)
        message = f"The request failed inside twinport. Its id is '{request.id}'."
        return wire.refuse(wire.failure, message, {}, request.id)


def _sealed_reason(refusal: Refusal) -> Mapping[str, str]:
    encoded = refusal.encoded if isinstance(refusal, AccessDenied) else None
    return {ENCODED_MESSAGE: encoded} if encoded else {}


def service_of(request: Request, services: Sequence[Service]) -> Service:
    """Tell which service a request is for: by its target, else its version, else the scope of its signature.

    Nothing is refused here. A request that names none of them goes to one that speaks its protocol, and is told
    there, after authentication, that it names no operation.
    """
    targets = request.message.values("x-amz-target")
    if targets:
        prefix, _, _ = targets[0].rpartition(".")
        speaking = [it for it in services if it.protocol == "json"]
        named = [it for it in speaking if it.target_prefix == prefix]
    else:
        version = _version(request)
        speaking = [it for it in services if it.protocol == "query"]
        named = [it for it in speaking if it.api_version == version]
    return (named or _signed_for(request, services) or speaking or services)[0]


def unimplemented(service: Service, handlers: Iterable[str]) -> list[str]:
    """Return the names of the operations that are in the model and not among `handlers`, for the documentation."""
    return sorted(set(service.operations) - set(handlers))


def _version(request: Request) -> str:
    try:
        return protocols.parameters(request).get("Version", "")
    except Refusal:
        return ""


def _signed_for(request: Request, services: Sequence[Service]) -> list[Service]:
    try:
        scope = sigv4.parse(request.message).scope
    except Refusal:
        return []
    return [it for it in services if it.signing_name == scope.service]
