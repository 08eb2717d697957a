"""The Query protocol, inbound: parameters to inputs."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from twinport.aws.shapes import Kind, Shape
from twinport.refusals.requests import BodyMalformed

_MOST_PARAMETERS = 10_000
_DEEPEST = 16
_POSITION = re.compile("[1-9][0-9]{0,8}")
_ENTRY = {"key", "value"}
_BITS = {Kind.INTEGER: 31, Kind.LONG: 63}

# The node at a part of a parameter's dotted name: a value, or further parts.
_Tree = dict[str, Any]


def parameters(encoded: Sequence[str]) -> dict[str, str]:
    """Parse form-encoded texts (a query string, a body) as one set of parameters. No parameter may be given twice."""
    pairs = [pair for text in encoded for pair in _pairs(text)]
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BodyMalformed("a parameter is given more than once")
    return found


def parse(given: Mapping[str, str], shape: Shape) -> dict[str, Any]:
    """Build an input from parameters such as `Tags.member.1.Key`. Members not in the model are kept unchanged."""
    tree: _Tree = {}
    for name, value in given.items():
        _plant(tree, name, value)
    return _structure(shape, tree, "")


def _pairs(encoded: str) -> list[tuple[str, str]]:
    if not encoded:
        return []
    try:
        return parse_qsl(
            encoded, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as error:
        raise BodyMalformed("the parameters are not form-encoded text") from error


def _plant(tree: _Tree, name: str, value: str) -> None:
    *branches, leaf = name.split(".", _DEEPEST)
    for branch in branches:
        tree = tree.setdefault(branch, {})
        if not isinstance(tree, dict):
            raise BodyMalformed(f"'{name}' is below a parameter that has a value of its own")
    if leaf in tree:
        raise BodyMalformed(f"'{name}' has a value and parameters below it")
    tree[leaf] = value


def _value(shape: Shape, given: Any, name: str) -> Any:
    return _READERS[shape.kind](shape, given, name)


def _structure(shape: Shape, given: Any, name: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong_type(shape, name)
    members = shape.members
    return {key: _value(members[key], it, key) if key in members else it for key, it in given.items()}


def _list(shape: Shape, given: Any, name: str) -> list[Any]:
    """Collect members by their positions, which may have gaps. A name without a value is an empty list."""
    member = shape.members["member"]
    return [_value(member, it, name) for it in _in_order(shape, given, name, "member")]


def _map(shape: Shape, given: Any, name: str) -> dict[str, Any]:
    value_shape = shape.members["value"]
    entries = [it for it in _in_order(shape, given, name, "entry") if isinstance(it, dict) and set(it) == _ENTRY]
    found = {_string(shape, it["key"], name): _value(value_shape, it["value"], name) for it in entries}
    if given != "" and len(found) < len(given["entry"]):
        raise BodyMalformed(f"'{name}' needs a key and a value in each entry, and each key once")
    return found


def _in_order(shape: Shape, given: Any, name: str, label: str) -> list[Any]:
    if given == "":
        return []
    if not isinstance(given, dict) or set(given) != {label} or not isinstance(given[label], dict):
        raise _wrong_type(shape, name)
    if not all(_POSITION.fullmatch(position) for position in given[label]):
        raise BodyMalformed(f"'{name}' counts its members from 1, without leading zeros")
    return [given[label][position] for position in sorted(given[label], key=int)]


def _string(shape: Shape, given: Any, name: str) -> str:
    if not isinstance(given, str):
        raise _wrong_type(shape, name)
    return given


def _boolean(shape: Shape, given: Any, name: str) -> bool:
    match given:
        case "true":
            return True
        case "false":
            return False
        case _:
            raise _wrong_type(shape, name)


def _integer(shape: Shape, given: Any, name: str) -> int:
    text = _string(shape, given, name)
    bound = 1 << _BITS[shape.kind]
    if not re.fullmatch("[+-]?[0-9]{1,19}", text) or not -bound <= int(text) < bound:
        raise _wrong_type(shape, name)
    return int(text)


def _double(shape: Shape, given: Any, name: str) -> float:
    text = _string(shape, given, name)
    if not re.fullmatch("[+-]?[0-9]{1,19}([.][0-9]{1,19})?", text):
        raise _wrong_type(shape, name)
    return float(text)


def _blob(shape: Shape, given: Any, name: str) -> bytes:
    try:
        return b64decode(_string(shape, given, name), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong_type(shape, name) from error


def _timestamp(shape: Shape, given: Any, name: str) -> datetime:
    try:
        when = datetime.fromisoformat(_string(shape, given, name))
    except ValueError as error:
        raise _wrong_type(shape, name) from error
    return when.replace(tzinfo=when.tzinfo or UTC)


def _wrong_type(shape: Shape, name: str) -> BodyMalformed:
    return BodyMalformed(f"'{name}' is not of type {shape.kind.value}")


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
