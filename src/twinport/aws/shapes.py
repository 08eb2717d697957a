"""The compiled models as values: services, their operations, and the shapes of inputs and outputs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any


class Kind(Enum):
    STRUCTURE = "structure"
    LIST = "list"
    MAP = "map"
    STRING = "string"
    BLOB = "blob"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    LONG = "long"
    DOUBLE = "double"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Shape:
    """One type of the model. `members` holds a structure's members, a list's `member`, a map's `key` and `value`."""

    name: str
    kind: Kind
    members: Mapping[str, "Shape"] = field(default_factory=dict, repr=False)
    required: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    sensitive: bool = False


# The lists of inputs of ECR that the model leaves without a maximum: each member costs a look-up or a row. The quota of
# tags, which is 50, has an error of its own.
_MOST_MEMBERS = {"PrefixList": 100, "RCTAppliedForList": 100, "TagKeyList": 200, "TagList": 200}

EMPTY = Shape("Empty", Kind.STRUCTURE)


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """An error that the model declares: its code on the wire and its HTTP status."""

    code: str
    status: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `output` is None if its answer has no result."""

    name: str
    input: Shape
    output: Shape | None
    result_wrapper: str
    errors: tuple[ErrorShape, ...]
    unsigned: bool


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    protocol: str
    api_version: str
    signing_name: str
    target_prefix: str
    xml_namespace: str
    operations: Mapping[str, Operation] = field(repr=False)


@cache
def load(service: str) -> Service:
    """Load the table of `ecr`, `iam` or `sts`. The first call takes milliseconds; later calls use a cache."""
    table = json.loads(resources.files("twinport.aws").joinpath("models", f"{service}.json").read_bytes())
    shapes = _shapes(table["shapes"])
    errors = {name: ErrorShape(**it["error"]) for name, it in table["shapes"].items() if "error" in it}
    return Service(
        name=table["service"],
        protocol=table["protocol"],
        api_version=table["apiVersion"],
        signing_name=table["signingName"],
        target_prefix=table["targetPrefix"],
        xml_namespace=table["xmlNamespace"],
        operations={name: _operation(name, it, shapes, errors) for name, it in table["operations"].items()},
    )


def _shapes(table: Mapping[str, Any]) -> dict[str, Shape]:
    """Make every shape with empty members first, then fill in the members, since shapes refer to each other."""
    members: dict[str, dict[str, Shape]] = {name: {} for name in table}
    shapes = {name: _shape(name, it, members[name]) for name, it in table.items()}
    for name, it in table.items():
        members[name].update((member, shapes[shape]) for member, shape in _named_by(it).items())
    return shapes


def _named_by(entry: Mapping[str, Any]) -> Mapping[str, str]:
    parts = {part: entry[part] for part in ("member", "key", "value") if part in entry}
    return {**entry.get("members", {}), **parts}


def _shape(name: str, entry: Mapping[str, Any], members: Mapping[str, Shape]) -> Shape:
    return Shape(
        name=name,
        kind=Kind(entry["type"]),
        members=members,
        required=tuple(entry.get("required", ())),
        minimum=entry.get("min"),
        maximum=entry.get("max", _MOST_MEMBERS.get(name)),
        pattern=entry.get("pattern"),
        enum=tuple(entry.get("enum", ())),
        sensitive=entry.get("sensitive", False),
    )


def _operation(
    name: str, entry: Mapping[str, Any], shapes: Mapping[str, Shape], errors: Mapping[str, ErrorShape]
) -> Operation:
    return Operation(
        name=name,
        input=shapes[entry["input"]] if "input" in entry else EMPTY,
        output=shapes[entry["output"]] if "output" in entry else None,
        result_wrapper=entry.get("resultWrapper", ""),
        errors=tuple(errors[error] for error in entry["errors"]),
        unsigned=entry.get("unsigned", False),
    )
