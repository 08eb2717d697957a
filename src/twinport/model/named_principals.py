"""The principals that a policy document names under `AWS`, and the same document with these renamed. Pure."""

import json
from collections.abc import Iterator, Mapping

_ELEMENTS = ("Principal", "NotPrincipal")
_TYPE = "AWS"


def named_in(text: str) -> frozenset[str]:
    """Return every name under `AWS` in a valid document."""
    return frozenset(str(name) for element in _elements(json.loads(text)) for name in _listed(element[_TYPE]))


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return the document with the names replaced, compact and otherwise unchanged."""
    document = json.loads(text)
    for element in _elements(document):
        given = element[_TYPE]
        element[_TYPE] = [names.get(name, name) for name in given] if isinstance(given, list) else _new(given, names)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _elements(document: dict[str, object]) -> Iterator[dict[str, object]]:
    for statement in _listed(document.get("Statement", [])):
        for name in _ELEMENTS:
            element = statement.get(name) if isinstance(statement, dict) else None
            if isinstance(element, dict) and _TYPE in element:
                yield element


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _new(name: object, names: Mapping[str, str]) -> object:
    return names.get(name, name) if isinstance(name, str) else name
