"""The JSON 1.1 protocol: bodies to inputs, outputs and errors to bodies."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from twinport.aws.shapes import Kind, Shape
from twinport.refusals.requests import BodyMalformed

CONTENT_TYPE = "application/x-amz-json-1.1"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Python's garbage collector would hold up all other work while it scans millions of values.
_MOST_COMMAS = 1_000_000
_SCIENTIFIC_FROM = 10_000_000
_BITS = {Kind.INTEGER: 31, Kind.LONG: 63}


def parse(body: bytes, shape: Shape) -> dict[str, Any]:
    """Parse an input. A member that is null is absent. A member that is not in the model is kept unchanged."""
    if body.count(b",") > _MOST_COMMAS:
        raise BodyMalformed(f"the body has more than {_MOST_COMMAS} commas")
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise BodyMalformed(f"the body is not JSON: {error.msg} at character {error.pos}") from error
    return _structure(shape, value, "the body")


def serialize(output: Mapping[str, object]) -> bytes:
    """Write an output whose members are named as in the model. Absent members are left out, not None."""
    return orjson.dumps(output, default=_extra_types, option=orjson.OPT_PASSTHROUGH_DATETIME)


def error(code: str, message: str, members: Mapping[str, object]) -> bytes:
    """Write an error with its message and the model's further members."""
    return serialize({"__type": code, "message": message, **members})


def java_double(when: datetime) -> str:
    """Print the seconds since 1970 as Java prints a double, which is what ECR sends."""
    milliseconds = (when - _EPOCH) // _MILLISECOND
    text = repr(milliseconds / 1000)
    if abs(milliseconds) < _SCIENTIFIC_FROM * 1000:
        return text
    sign, text = ("-", text[1:]) if milliseconds < 0 else ("", text)
    whole, _, fraction = text.partition(".")
    digits = (whole + fraction).rstrip("0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{len(whole) - 1}"


def _extra_types(value: object) -> object:
    match value:
        case datetime():
            return orjson.Fragment(java_double(value))
        case bytes():
            return b64encode(value).decode()
        case _:
            raise TypeError(type(value).__name__)


def _value(shape: Shape, value: Any, path: str) -> Any:
    return _READERS[shape.kind](shape, value, path)


def _structure(shape: Shape, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(shape, path)
    given = {name: it for name, it in value.items() if it is not None}
    return {name: _value(shape.members[name], it, name) if name in shape.members else it for name, it in given.items()}


def _list(shape: Shape, value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong_type(shape, path)
    member = shape.members["member"]
    return [None if it is None else _value(member, it, path) for it in value]


def _map(shape: Shape, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(shape, path)
    member = shape.members["value"]
    return {key: None if it is None else _value(member, it, path) for key, it in value.items()}


def _string(shape: Shape, value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(shape, path)
    return value


def _boolean(shape: Shape, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(shape, path)
    return value


def _integer(shape: Shape, value: Any, path: str) -> int:
    bound = 1 << _BITS[shape.kind]
    # A boolean is an int to Python and not to JSON.
    if type(value) is not int or not -bound <= value < bound:
        raise _wrong_type(shape, path)
    return value


def _double(shape: Shape, value: Any, path: str) -> float:
    if type(value) not in (int, float):
        raise _wrong_type(shape, path)
    return float(value)


def _blob(shape: Shape, value: Any, path: str) -> bytes:
    try:
        return b64decode(_string(shape, value, path), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong_type(shape, path) from error


def _timestamp(shape: Shape, value: Any, path: str) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=_double(shape, value, path))
    except OverflowError as error:
        raise _wrong_type(shape, path) from error


def _wrong_type(shape: Shape, path: str) -> BodyMalformed:
    return BodyMalformed(f"'{path}' is not of type {shape.kind.value}")


_READERS: Mapping[Kind, Callable[[Shape, Any, str], Any]] = {
    Kind.STRUCTURE: _structure,
    Kind.LIST: _list,
    Kind.MAP: _map,
    Kind.STRING: _string,
    Kind.BLOB: _blob,
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.LONG: _integer,
    Kind.DOUBLE: _double,
    Kind.TIMESTAMP: _timestamp,
}
