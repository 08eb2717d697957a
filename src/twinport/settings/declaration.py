"""How a setting is declared: one field of a dataclass holds its default, its parser and its old name."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")

_PARSE, _OLD_NAME = "parse", "old_name"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the loader must know of a setting.

    `old_name` is a name that sources may still use. `is_list`: in the environment, commas separate its items.
    """

    name: str
    parse: Callable[[object], object]
    old_name: str | None
    is_list: bool


# The declarations by each name that a source may use.
Declarations = Mapping[str, Declaration]


def setting(parse: Callable[[object], T], *, default: T, old_name: str | None = None, is_secret: bool = False) -> T:
    """Declare a setting as the field of a dataclass. `repr` leaves out a secret."""
    return field(default=default, repr=not is_secret, metadata={_PARSE: parse, _OLD_NAME: old_name})


def declared(settings: type) -> Declarations:
    """Return what a dataclass declares by `setting`: in order of the fields, then by old names."""
    found = [_declaration(each) for each in fields(settings)]
    return {each.name: each for each in found} | {each.old_name: each for each in found if each.old_name}


def _declaration(each: Field[Any]) -> Declaration:
    is_list = isinstance(each.default, tuple)
    return Declaration(each.name, each.metadata[_PARSE], each.metadata[_OLD_NAME], is_list)
