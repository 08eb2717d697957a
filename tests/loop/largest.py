"""The fullest input of an operation: every member that its model names, each as large as the model lets it be."""

from collections.abc import Iterator, Mapping
from typing import Any

from twinport.aws.shapes import Kind, Operation, Shape

# What a member without a bound of its own gets.
_CHARACTERS, _ENTRIES = 4_000, 1_000
_LONGEST_TEXT, _MOST_ENTRIES = 131_072, 1_000


def input_of(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fullest input, with the members that are `given` as they are."""
    full = {name: given.get(name, _value(shape, name, 3)) for name, shape in operation.input.members.items()}
    return {name: value for name, value in full.items() if value is not None}


def flattened(value: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 — any input
    """Yield the parameters of the Query protocol."""
    match value:
        case dict():
            for member, inner in value.items():
                yield from flattened(inner, f"{name}.{member}" if name else member)
        case list():
            for number, inner in enumerate(value, 1):
                yield from flattened(inner, f"{name}.member.{number}")
        case bool():
            yield name, str(value).lower()
        case _:
            yield name, str(value)


def _value(shape: Shape, name: str, depth: int) -> Any:  # noqa: ANN401, C901, PLR0911 — a kind of shape each
    match shape.kind:
        case Kind.STRUCTURE if depth:
            return {key: _value(inner, key, depth - 1) for key, inner in shape.members.items()}
        case Kind.LIST if depth:
            most = min(shape.maximum or _ENTRIES, _MOST_ENTRIES)
            return [_value(shape.members["member"], name, depth - 1)] * most
        case Kind.STRUCTURE | Kind.LIST | Kind.MAP:
            return None
        case Kind.STRING:
            return shape.enum[0] if shape.enum else "a" * min(shape.maximum or _CHARACTERS, _LONGEST_TEXT)
        case Kind.BOOLEAN:
            return True
        case Kind.BLOB:
            return "QUJD"
        case Kind.TIMESTAMP | Kind.DOUBLE:
            return 1
        case Kind.INTEGER | Kind.LONG:
            return min(shape.maximum or 1000, 1000)
