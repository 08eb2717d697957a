"""Trust documents: checked on arrival, and stored in IAM's own form."""

import json

from twinport.errors import LimitReached
from twinport.policies import documents
from twinport.policies.documents import PolicyKind

MOST_CHARACTERS = 2048
_DOCUMENT_ORDER = ("Version", "Id", "Statement")
_STATEMENT_ORDER = ("Sid", "Effect", "Principal", "Action", "NotAction", "Condition")


def stored(text: str) -> str:
    """Return a trust document as IAM shows it later: compact, members in order, lists of one element unpacked.

    Raises PolicyMalformed, LimitReached.
    """
    if len("".join(text.split())) > MOST_CHARACTERS:
        raise LimitReached(f"Cannot exceed quota for ACLSizePerRole: {MOST_CHARACTERS}")
    documents.parse_given(text, PolicyKind.TRUST)
    document = json.loads(text)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    document["Statement"] = [_statement(each) for each in statements]
    return json.dumps(_ordered(document, _DOCUMENT_ORDER), separators=(",", ":"), ensure_ascii=False)


def _statement(given: dict[str, object]) -> dict[str, object]:
    statement = {key: _unpacked(value) if key in ("Action", "NotAction") else value for key, value in given.items()}
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        statement["Principal"] = {kind: _unpacked(names) for kind, names in principal.items()}
    return _ordered(statement, _STATEMENT_ORDER)


def _unpacked(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _ordered(members: dict[str, object], order: tuple[str, ...]) -> dict[str, object]:
    return {key: members[key] for key in order if key in members}
