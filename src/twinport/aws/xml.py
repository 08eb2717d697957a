"""The Query protocol, outbound: outputs and errors to XML."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from typing import Any

from twinport.aws.shapes import Kind, Operation, Service, Shape

CONTENT_TYPE = "text/xml"

_SERVER_ERRORS = 500

# A carriage return must be escaped, or a parser reads it as a line feed. What XML 1.0 cannot hold becomes U+FFFD.
_SPECIAL = re.compile("[^\\t\\n\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[&<>]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}


def serialize(service: Service, operation: Operation, output: Mapping[str, Any], request_id: str) -> bytes:
    """Write an answer. A member that is None is left out."""
    result = ""
    if operation.output is not None:
        inner = "".join(_members(operation.output, output))
        result = _element(operation.result_wrapper or f"{operation.name}Result", inner)
    name = f"{operation.name}Response"
    metadata = f"<ResponseMetadata><RequestId>{_text(request_id)}</RequestId></ResponseMetadata>"
    return f'<{name} xmlns="{service.xml_namespace}">{result}{metadata}</{name}>'.encode()


def error(service: Service, code: str, status: int, message: str, request_id: str) -> bytes:
    """Write an error."""
    blame = "Receiver" if status >= _SERVER_ERRORS else "Sender"
    details = f"<Type>{blame}</Type><Code>{_text(code)}</Code><Message>{_text(message)}</Message>"
    name = "ErrorResponse"
    return (
        f'<{name} xmlns="{service.xml_namespace}"><Error>{details}</Error>'
        f"<RequestId>{_text(request_id)}</RequestId></{name}>"
    ).encode()


def _members(shape: Shape, output: Mapping[str, Any]) -> Iterator[str]:
    for name, member in shape.members.items():
        if output.get(name) is not None:
            yield _element(name, _content(member, output[name]))


def _content(shape: Shape, value: Any) -> str:
    return _WRITERS.get(shape.kind, _scalar)(shape, value)


def _structure(shape: Shape, value: Any) -> str:
    return "".join(_members(shape, value))


def _list(shape: Shape, value: Any) -> str:
    member = shape.members["member"]
    return "".join(_element("member", _content(member, it)) for it in value)


def _map(shape: Shape, value: Any) -> str:
    return "".join(_element("entry", _entry(shape, key, it)) for key, it in value.items())


def _entry(shape: Shape, key: str, value: Any) -> str:
    return _element("key", _text(key)) + _element("value", _content(shape.members["value"], value))


def _timestamp(_: Shape, value: Any) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _blob(_: Shape, value: Any) -> str:
    return b64encode(value).decode()


def _boolean(_: Shape, value: Any) -> str:
    return "true" if value else "false"


def _scalar(_: Shape, value: Any) -> str:
    return _text(str(value))


def _element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"


def _text(value: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), value)


_WRITERS: Mapping[Kind, Callable[[Shape, Any], str]] = {
    Kind.STRUCTURE: _structure,
    Kind.LIST: _list,
    Kind.MAP: _map,
    Kind.TIMESTAMP: _timestamp,
    Kind.BLOB: _blob,
    Kind.BOOLEAN: _boolean,
}
