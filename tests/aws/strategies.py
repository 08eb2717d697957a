"""Values that fit a shape's types, for tests of the codecs; constraints are not kept unless asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from twinport.aws.shapes import Kind, Shape

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)

_SCALARS: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.STRING: TEXT,
    Kind.BLOB: st.binary(max_size=40),
    Kind.BOOLEAN: st.booleans(),
    Kind.INTEGER: st.integers(-(1 << 31), (1 << 31) - 1),
    Kind.LONG: st.integers(-(1 << 63), (1 << 63) - 1),
    Kind.DOUBLE: st.floats(-1e9, 1e9),
    Kind.TIMESTAMP: st.integers(0, 4_000_000_000).map(lambda it: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(0, it)),
}


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Make values of a shape. Structures below the top have all of their members, so that none is empty;
    nor are maps: botocore does not send what is empty (but lists)."""
    match shape.kind:
        case Kind.STRUCTURE:
            return st.fixed_dictionaries({name: values(member) for name, member in shape.members.items()})
        case Kind.LIST:
            return st.lists(values(shape.members["member"]), max_size=3)
        case Kind.MAP:
            return st.dictionaries(TEXT, values(shape.members["value"]), min_size=1, max_size=3)
        case scalar:
            return _SCALARS[scalar]


def members(shape: Shape) -> st.SearchStrategy[dict[str, Any]]:
    """Make structures of a shape in which any member may be absent."""
    return st.fixed_dictionaries({}, optional={name: values(member) for name, member in shape.members.items()})
