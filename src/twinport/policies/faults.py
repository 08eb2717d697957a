"""Finds where a document is refused, for people who write it: line, column, statement and reason. Pure.

`documents` decides, with one sentence for the document. Here the same decision is made for each statement alone.
"""

import json
from dataclasses import dataclass

from twinport.policies.documents import PolicyKind, parse_given
from twinport.policies.statement_spans import Position, spans
from twinport.policies.wildcards import Version
from twinport.refusals.identities import PolicyMalformed

_MEMBERS = ("Version", "Id", "Statement")
_OF_STATEMENTS = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
)
_PAIRS = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_VAGUE = "Syntax errors in policy."
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """A reason to refuse a document. `statement` counts from one; it and `at` are absent where they are not known."""

    reason: str
    at: Position | None = None
    statement: int | None = None
    sid: str = ""


class _GivenTwice(ValueError):
    def __init__(self, member: str) -> None:
        super().__init__(f"the member '{member[:_SHOWN]}' is given twice in one object")


def first_fault(text: str, kind: PolicyKind) -> Fault | None:
    """Return the first fault of a document; None for one that may be stored."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
        if not isinstance(document, dict):
            return Fault("a policy is a JSON object: { … }")
        return _of_document(document) or _of_statements(document, text, kind) or _of_all(text, kind)
    except json.JSONDecodeError as error:
        return Fault(f"this is not JSON: {error.msg}", Position(error.lineno, error.colno))
    except _GivenTwice as error:
        return Fault(str(error))
    except RecursionError:
        return Fault("this is nested too deeply")


def first_mention(text: str, words: str) -> Position | None:
    """Return where a text stands in a document."""
    offset = text.find(words)
    if offset < 0:
        return None
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    seen: set[str] = set()
    for member, _ in pairs:
        if member in seen:
            raise _GivenTwice(member)
        seen.add(member)
    return dict(pairs)


def _of_document(document: dict[str, object]) -> Fault | None:
    for member in document:
        if member not in _MEMBERS:
            return Fault(f"a policy has no member '{member[:_SHOWN]}', only {', '.join(_MEMBERS)}")
    versions = [each.value for each in Version]
    if document.get("Version", versions[0]) not in versions:
        return Fault(f"Version must be one of {', '.join(versions)}")
    if not isinstance(document.get("Id", ""), str):
        return Fault("Id must be a text")
    return None if document.get("Statement") else Fault("a policy needs at least one statement")


def _of_statements(document: dict[str, object], text: str, kind: PolicyKind) -> Fault | None:
    listed = document["Statement"]
    rest = {name: value for name, value in document.items() if name == "Version"}
    for index, member in enumerate(listed if isinstance(listed, list) else [listed]):
        try:
            parse_given(json.dumps({**rest, "Statement": [member]}), kind)
        except PolicyMalformed as refusal:
            return Fault(_reason(refusal, member), spans(text)[index].begin, index + 1, _sid(member))
    return None


def _of_all(text: str, kind: PolicyKind) -> Fault | None:
    try:
        parse_given(text, kind)
    except PolicyMalformed as refusal:
        return Fault(refusal.detail)
    return None


def _sid(member: object) -> str:
    sid = member.get("Sid") if isinstance(member, dict) else None
    return sid[:_SHOWN] if isinstance(sid, str) else ""


def _reason(refusal: PolicyMalformed, member: object) -> str:
    """Return the sentence of the refusal, or a clearer one for the sentence that says nothing."""
    return refusal.detail if refusal.detail != _VAGUE else _clearer(member)


def _clearer(member: object) -> str:
    if not isinstance(member, dict):
        return "a statement is a JSON object: { … }"
    for name in member:
        if name not in _OF_STATEMENTS:
            return f"a statement has no member '{name[:_SHOWN]}', only {', '.join(_OF_STATEMENTS)}"
    for plain, negated in _PAIRS:
        if plain in member and negated in member:
            return f"a statement has {plain} or {negated}, not both"
    if member.get("Effect") not in ("Allow", "Deny"):
        return "Effect must be Allow or Deny"
    if "Condition" in member and not _is_block(member["Condition"]):
        return 'Condition must be of the form { "OPERATOR": { "KEY": "VALUE" } }, with a value for each key'
    return "one of the values has the wrong form: use texts, or lists of texts"


def _is_block(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(keys, dict) and all(keys.values()) for keys in value.values())
