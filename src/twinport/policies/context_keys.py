"""Which condition keys policies use. Pure: documents in, keys out."""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from twinport.model.letters import lower_ascii
from twinport.policies import documents as policy
from twinport.policies.documents import Policy, PolicyKind
from twinport.policies.steps import Steps
from twinport.policies.wildcards import variables_of

_MOST_TEXTS = 16
_WITH_VARIABLES = "2012-10-17"


def named_in(documents: Iterable[str]) -> list[str]:
    """Return the keys of conditions and the variables in policies of principals, each once, in their order.

    Keys that differ in case alone count once, in the first spelling. Raises PolicyMalformed.
    """
    found: dict[str, str] = {}
    for text in documents:
        policy.parse_given(text, PolicyKind.IDENTITY)
        for key in _keys(json.loads(text)):
            found.setdefault(lower_ascii(key), key)
    return [found[lowered] for lowered in sorted(found)]


def asked_about(action: str, policies: Iterable[Policy]) -> list[str]:
    """Return the keys in the statements about an action, spelled and ordered as in `named_in`."""
    found: dict[str, str] = {}
    steps = Steps()
    for each in policies:
        keys = _by_statement(each.text)
        for statement in each.statements:
            if statement.actions.covers(lower_ascii(action), {}, steps):
                found |= {lower_ascii(key): found.get(lower_ascii(key), key) for key in keys[statement.index]}
    return [found[lowered] for lowered in sorted(found)]


@lru_cache(_MOST_TEXTS)
def _by_statement(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the keys of each statement. Cached, since a simulation checks the same texts for many actions."""
    return tuple(tuple(keys) for keys in _statements(json.loads(text)))


def _keys(document: dict[str, Any]) -> Iterator[str]:
    for keys in _statements(document):
        yield from keys


def _statements(document: dict[str, Any]) -> Iterator[list[str]]:
    given = document.get("Statement", [])
    has_variables = document.get("Version") == _WITH_VARIABLES
    for statement in given if isinstance(given, list) else [given]:
        conditions = list(statement.get("Condition", {}).values())
        keys = [key for each in conditions for key in each]
        if has_variables:
            places = [statement.get("Resource"), statement.get("NotResource"), *conditions]
            keys += [key for text in _texts(places) for key in variables_of(text) if ":" in key]
        yield keys


def _texts(value: object) -> Iterator[str]:
    """Return every string within a JSON value, in order."""
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            for each in value.values():
                yield from _texts(each)
        case _:
            pass
