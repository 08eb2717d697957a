"""Checks an input against the model's constraints, which botocore does not check on the client.

The codecs have already checked the types. A member that is not in the model is a problem: twinport refuses a member
that it does not support, and never ignores it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from enum import Enum
from typing import Any

from twinport.aws import patterns
from twinport.aws.shapes import Kind, Shape


class Constraint(Enum):
    REQUIRED = "required"
    KNOWN = "known"
    LENGTH = "length"
    VALUE = "value"
    PATTERN = "pattern"
    ENUM = "enum"


@dataclass(frozen=True, slots=True)
class Problem:
    """One violated constraint. `path` counts list members from 1. `must` completes the words 'member must'."""

    path: str
    constraint: Constraint
    must: str
    shape: Shape
    value: object


def problems(shape: Shape, value: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of an operation's input, in the model's order."""
    yield from _structure(shape, value, "")


def _check(shape: Shape, value: Any, path: str) -> Iterator[Problem]:
    if value is None:
        yield Problem(path, Constraint.REQUIRED, "not be null", shape, None)
    elif shape.kind in _CHECKS:
        yield from _CHECKS[shape.kind](shape, value, path)


def _structure(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
    prefix = f"{path}." if path else ""
    for name, member in shape.members.items():
        if name in value:
            yield from _check(member, value[name], prefix + name)
        elif name in shape.required:
            yield Problem(prefix + name, Constraint.REQUIRED, "not be null", member, None)
    for name in value:
        if name not in shape.members:
            yield Problem(prefix + name, Constraint.KNOWN, "be one that twinport knows", shape, None)


def _list(shape: Shape, value: Sequence[Any], path: str) -> Iterator[Problem]:
    yield from _length(shape, value, path)
    if shape.maximum is None or len(value) <= shape.maximum:
        for position, member in enumerate(value, 1):
            yield from _check(shape.members["member"], member, f"{path}.{position}.member")


def _map(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
    yield from _length(shape, value, path)
    for key, member in value.items():
        yield from _check(shape.members["key"], key, f"{path}.key")
        yield from _check(shape.members["value"], member, f"{path}.{key}.member")


def _string(shape: Shape, value: str, path: str) -> Iterator[Problem]:
    yield from _length(shape, value, path)
    if shape.enum and value not in shape.enum:
        must = f"satisfy enum value set: [{', '.join(shape.enum)}]"
        yield Problem(path, Constraint.ENUM, must, shape, value)
    # The length bounds the cost of matching, so a string that is too long is not matched.
    too_long = shape.maximum is not None and len(value) > shape.maximum
    if shape.pattern is not None and not too_long and not patterns.matches(shape.pattern, value):
        yield Problem(path, Constraint.PATTERN, f"satisfy regular expression pattern: {shape.pattern}", shape, value)


def _length(shape: Shape, value: Sized, path: str) -> Iterator[Problem]:
    must = _bound(shape, len(value), "length")
    if must:
        yield Problem(path, Constraint.LENGTH, must, shape, value)


def _number(shape: Shape, value: float, path: str) -> Iterator[Problem]:
    must = _bound(shape, value, "value")
    if must:
        yield Problem(path, Constraint.VALUE, must, shape, value)


def _bound(shape: Shape, measured: float, what: str) -> str:
    if shape.minimum is not None and measured < shape.minimum:
        return f"have {what} greater than or equal to {shape.minimum}"
    if shape.maximum is not None and measured > shape.maximum:
        return f"have {what} less than or equal to {shape.maximum}"
    return ""


_CHECKS: Mapping[Kind, Callable[[Shape, Any, str], Iterator[Problem]]] = {
    Kind.STRUCTURE: _structure,
    Kind.LIST: _list,
    Kind.MAP: _map,
    Kind.STRING: _string,
    Kind.BLOB: _length,
    Kind.INTEGER: _number,
    Kind.LONG: _number,
    Kind.DOUBLE: _number,
}
