"""The two protocols as one port: how to find an operation's name, parse inputs and write answers.

Each has the codes and statuses of the refusals common to all operations. A door adds its service's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote_plus

from twinport.aws import json11, query, validate, xml
from twinport.aws.shapes import Kind, Operation, Service
from twinport.aws.sigv4 import PRESIGNED, Message
from twinport.aws.validate import Constraint, Problem
from twinport.errors import AccessDenied, BadRequest, LimitReached, Refusal, Unavailable
from twinport.refusals.callers import (
    CredentialsMissing,
    CredentialsUnknown,
    OriginRefused,
    SessionExpired,
    SignatureExpired,
    SignatureIncomplete,
    SignatureMismatch,
    SignatureNotYetCurrent,
)
from twinport.refusals.requests import (
    BodyMalformed,
    ConstraintsViolated,
    InvalidParameter,
    NotBuiltYet,
    OperationUnknown,
    RateExceeded,
    ServerBusy,
)
from twinport.refusals.storage import BodyBroken

_LONGEST_VALUE = 256


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its body. A form is parsed once, well-formed or not: finding its action parses all of it.

    `inputs` keeps what was parsed as long as the request, so that its owner frees body and input together.
    """

    message: Message
    body: bytes
    id: str
    inputs: list[Mapping[str, Any]] = field(default_factory=list, init=False, repr=False, compare=False)
    _parameters: list[dict[str, str] | BodyMalformed] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def parameters(self) -> dict[str, str]:
        """Return the Query parameters, from query string and body, without a signature's fields.

        Raises BodyMalformed.
        """
        if not self._parameters:
            try:
                self._parameters.append(_parameters(self))
            except BodyMalformed as refusal:
                self._parameters.append(refusal)
        found = self._parameters[0]
        if isinstance(found, BodyMalformed):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


def _no_members(_: Any) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class WireError:
    """A refusal's form on the wire: its code, its status, and the model's members besides the message."""

    code: str
    status: int = 400
    members: Callable[[Any], Mapping[str, object]] = _no_members


class Wire(Protocol):
    """A protocol, bound to a service."""

    @property
    def errors(self) -> Mapping[type[Refusal], WireError]:
        """The refusals common to all operations."""

    @property
    def failure(self) -> WireError:
        """The error code for a defect."""

    def operation_name(self, request: Request) -> str:
        """Return the operation's name in the request. Raises OperationUnknown if it is not of this service."""

    def read(self, request: Request, operation: Operation) -> Mapping[str, Any]:
        """Return the input with the model's types and within its constraints, or refuse it."""

    def answer(self, operation: Operation, output: Mapping[str, object], request_id: str) -> Response:
        """Write the answer for a success."""

    def refuse(self, error: WireError, message: str, members: Mapping[str, object], request_id: str) -> Response:
        """Write the answer for a refusal."""


def of(service: Service) -> Wire:
    """Return the protocol of a service."""
    return Json11(service) if service.protocol == "json" else Query(service)


def require_valid(operation: Operation, value: Mapping[str, Any]) -> None:
    """Raise ConstraintsViolated, in the words of IAM and STS, unless an input meets the model's constraints."""
    violations = [_violation(problem) for problem in validate.problems(operation.input, value)]
    if violations:
        raise ConstraintsViolated(violations)


def require_ecr_valid(operation: Operation, value: Mapping[str, Any]) -> None:
    """Raise InvalidParameter, in the words of ECR, for the first problem of an input."""
    for problem in validate.problems(operation.input, value):
        raise InvalidParameter(problem.path, _ecr_constraint(problem))


def _parameters(request: Request) -> dict[str, str]:
    try:
        body = request.body.decode()
    except UnicodeDecodeError as error:
        raise BodyMalformed("the body is not form-encoded text") from error
    return query.parameters([_without_signature(request.message.query), body])


@dataclass(frozen=True, slots=True)
class Json11:
    """JSON 1.1 as in ECR: a target header; a refusal names only the first problem of an input."""

    service: Service
    errors: Mapping[type[Refusal], WireError] = field(default_factory=lambda: _JSON_ERRORS, repr=False)
    failure: WireError = WireError("ServerException", 500)

    def operation_name(self, request: Request) -> str:
        targets = request.message.values("x-amz-target")
        prefix, _, name = "".join(targets).rpartition(".")
        if request.message.method != "POST" or len(targets) != 1 or prefix != self.service.target_prefix:
            raise OperationUnknown(", ".join(targets))
        return name

    def read(self, request: Request, operation: Operation) -> Mapping[str, Any]:
        value = json11.parse(request.body, operation.input)
        require_ecr_valid(operation, value)
        return value

    def answer(self, operation: Operation, output: Mapping[str, object], request_id: str) -> Response:
        del operation  # its members are written under the names the model gives them
        return _response(200, json11.CONTENT_TYPE, json11.serialize(output), request_id)

    def refuse(self, error: WireError, message: str, members: Mapping[str, object], request_id: str) -> Response:
        return _response(error.status, json11.CONTENT_TYPE, json11.error(error.code, message, members), request_id)


@dataclass(frozen=True, slots=True)
class Query:
    """Query as in IAM and STS: an Action parameter, XML answers; a refusal names every problem of an input."""

    service: Service
    errors: Mapping[type[Refusal], WireError] = field(default_factory=lambda: _QUERY_ERRORS, repr=False)

    @property
    def failure(self) -> WireError:
        return WireError("ServiceFailure" if self.service.name == "iam" else "InternalFailure", 500)

    def operation_name(self, request: Request) -> str:
        given = request.parameters()
        action, version = given.get("Action", ""), given.get("Version", "")
        if request.message.method not in ("GET", "POST") or version != self.service.api_version:
            raise OperationUnknown(f"{action} of version {version}")
        return action

    def read(self, request: Request, operation: Operation) -> Mapping[str, Any]:
        given = request.parameters()
        value = query.parse(
            {name: it for name, it in given.items() if name not in ("Action", "Version")}, operation.input
        )
        require_valid(operation, value)
        return value

    def answer(self, operation: Operation, output: Mapping[str, object], request_id: str) -> Response:
        return _response(200, xml.CONTENT_TYPE, xml.serialize(self.service, operation, output, request_id), request_id)

    def refuse(self, error: WireError, message: str, members: Mapping[str, object], request_id: str) -> Response:
        del members  # no error of IAM or STS has any
        body = xml.error(self.service, error.code, error.status, message, request_id)
        return _response(error.status, xml.CONTENT_TYPE, body, request_id)


def _without_signature(query_string: str) -> str:
    pairs = query_string.split("&")
    return "&".join(pair for pair in pairs if unquote_plus(pair.partition("=")[0]) not in PRESIGNED)


def _response(status: int, content_type: str, body: bytes, request_id: str) -> Response:
    return Response(status, {"content-type": content_type, "x-amzn-requestid": request_id}, body)


def _ecr_constraint(problem: Problem) -> str:
    """Word a constraint as ECR does, with a shorter sentence for strings than for other members."""
    text = problem.shape.kind is Kind.STRING
    if problem.constraint is Constraint.PATTERN:
        return f"must satisfy regular expression '{problem.shape.pattern}'"
    if problem.constraint is Constraint.LENGTH and text:
        return f"must {problem.must}"
    return f"Member must {problem.must}"


def _violation(problem: Problem) -> str:
    """Word a problem as IAM and STS do, with paths that begin in lower case."""
    path = ".".join(part[:1].lower() + part[1:] for part in problem.path.split("."))
    # AWS lists no values here, unlike ECR.
    must = "satisfy enum value set" if problem.constraint is Constraint.ENUM else problem.must
    return f"Value{_shown(problem)} at '{path}' failed to satisfy constraint: Member must {must}"


def _shown(problem: Problem) -> str:
    if problem.value is None:
        return " null" if problem.constraint is Constraint.REQUIRED else ""
    text = str(problem.value)
    hidden = problem.shape.sensitive or problem.shape.kind not in (Kind.STRING, Kind.INTEGER, Kind.LONG, Kind.DOUBLE)
    if hidden or problem.constraint is Constraint.ENUM or len(text) > _LONGEST_VALUE:
        return ""
    return f" '{text}'"


_JSON_ERRORS: Mapping[type[Refusal], WireError] = {
    CredentialsMissing: WireError("MissingAuthenticationTokenException"),
    CredentialsUnknown: WireError("UnrecognizedClientException"),
    SessionExpired: WireError("ExpiredTokenException"),
    SignatureIncomplete: WireError("IncompleteSignatureException"),
    SignatureMismatch: WireError("InvalidSignatureException"),
    SignatureExpired: WireError("InvalidSignatureException"),
    SignatureNotYetCurrent: WireError("InvalidSignatureException"),
    AccessDenied: WireError("AccessDeniedException"),
    OriginRefused: WireError("AccessDeniedException", 403),
    BodyMalformed: WireError("SerializationException"),
    BodyBroken: WireError("SerializationException"),
    OperationUnknown: WireError("UnknownOperationException"),
    NotBuiltYet: WireError("UnsupportedOperationException"),
    BadRequest: WireError("InvalidParameterException"),
    LimitReached: WireError("LimitExceededException"),
    RateExceeded: WireError("ThrottlingException"),
    ServerBusy: WireError("ThrottlingException"),
    # The only fault in ECR's model. Clients try again after any status from 500 up.
    Unavailable: WireError("ServerException", 500),
}

_QUERY_ERRORS: Mapping[type[Refusal], WireError] = {
    CredentialsMissing: WireError("MissingAuthenticationToken", 403),
    CredentialsUnknown: WireError("InvalidClientTokenId", 403),
    SessionExpired: WireError("ExpiredToken", 403),
    SignatureIncomplete: WireError("IncompleteSignature"),
    SignatureMismatch: WireError("SignatureDoesNotMatch", 403),
    SignatureExpired: WireError("SignatureDoesNotMatch", 403),
    SignatureNotYetCurrent: WireError("SignatureDoesNotMatch", 403),
    AccessDenied: WireError("AccessDenied", 403),
    OriginRefused: WireError("AccessDenied", 403),
    BodyMalformed: WireError("MalformedInput"),
    BodyBroken: WireError("MalformedInput"),
    OperationUnknown: WireError("InvalidAction"),
    NotBuiltYet: WireError("UnsupportedOperation"),
    BadRequest: WireError("ValidationError"),
    LimitReached: WireError("LimitExceeded", 409),
    ServerBusy: WireError("Throttling"),
    Unavailable: WireError("ServiceUnavailable", 503),
}
