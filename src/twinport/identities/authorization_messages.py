"""Encoded authorization messages: a denied caller gets the sealed reason; only a caller allowed to decode it reads it.

The text is AWS's (STS, DecodeAuthorizationMessage). It covers the caller's own account alone. It never shows another
account's policies and tags, or any organization's policies.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from twinport.access.gate import AnyResource, Gate
from twinport.access.sealing import SealBroken, Sealer
from twinport.model.identities import Caller
from twinport.policies.documents import PolicyKind
from twinport.policies.evaluate import Denied, too_long
from twinport.policies.explanation import Explanation, Heard
from twinport.refusals.identities import AuthorizationMessageInvalid

# The message travels in a header: this size makes 2,984 characters, and proxies accept 4 kB or 8 kB of headers in all.
# Every message is filled up to this size before it is sealed. A message has the ARN and the tags of the resource beside
# texts that the caller chooses, so the length of a compressed one would tell a caller what it cannot read.
_MOST_BYTES = 2200
_MOST_TEXTS = 16
_OWN = (PolicyKind.IDENTITY, PolicyKind.BOUNDARY, PolicyKind.SESSION)
# Keys that describe a resource: its tags, its organization.
_OF_RESOURCE = ("aws:resource", "ecr:resourcetag/", "iam:resourcetag/")
_ON_RESOURCE = (PolicyKind.REPOSITORY, PolicyKind.REGISTRY, PolicyKind.TRUST)


@dataclass(frozen=True, slots=True)
class AuthorizationMessages:
    """Seals each message for the account of the denied caller."""

    sealer: Sealer

    def encode(self, caller: Caller, explanation: Explanation) -> str:
        """Seal the reason for a denial. Leaves out the values of the request if there are too many."""
        message = _message(caller, explanation)
        text = _compressed(message)
        if len(text) > _MOST_BYTES:
            context = {**_context(caller, explanation), "conditions": _items([])}
            text = _compressed({**message, "matchedStatements": _items([]), "context": context})
        return self.sealer.seal(text.ljust(_MOST_BYTES, b"\0"), _purpose(caller))

    def open(self, caller: Caller, encoded: str) -> str:
        """Open a message that is sealed for the caller's account. Raises AuthorizationMessageInvalid for other text."""
        try:
            return zlib.decompressobj().decompress(self.sealer.open(encoded, _purpose(caller))).decode()
        except SealBroken as error:
            raise AuthorizationMessageInvalid from error


@dataclass(frozen=True, slots=True)
class Decoding:
    gate: Gate
    messages: AuthorizationMessages

    async def decode(self, caller: Caller, encoded: str) -> str:
        """Return an encoded message as JSON. Raises AccessDenied, or AuthorizationMessageInvalid."""
        everywhere = AnyResource(caller.account, caller.origin.region)
        await self.gate.authorize(caller, "sts:DecodeAuthorizationMessage", everywhere)
        return self.messages.open(caller, encoded)


def _compressed(message: Mapping[str, object]) -> bytes:
    return zlib.compress(json.dumps(message, separators=(",", ":")).encode(), 9)


def _purpose(caller: Caller) -> str:
    return f"authorization message of {caller.account}"


def _message(caller: Caller, explanation: Explanation) -> dict[str, object]:
    kinds = _OWN if explanation.request.crosses_border else _OWN + _ON_RESOURCE
    told = [each for each in explanation.denials if each.policy.kind in kinds]
    return {
        "allowed": False,
        "explicitDeny": bool(explanation.denials),
        "matchedStatements": _items(_statement(caller, each) for each in told),
        "failures": _items({"reason": each} for each in _failures(explanation)),
        "context": _context(caller, explanation),
    }


def _failures(explanation: Explanation) -> Iterable[str]:
    """Return that nothing was decided, or which values were too long to be compared."""
    decision = explanation.decision
    is_told = isinstance(decision, Denied) and (decision.is_undecided or too_long(explanation.request.context))
    return [decision.reason] if is_told and isinstance(decision, Denied) else []


def _statement(caller: Caller, heard: Heard) -> dict[str, object]:
    written = _written(heard)
    conditions = [
        {"key": key, "values": _values(values)}
        for keys in written.get("Condition", {}).values()
        for key, values in keys.items()
    ]
    return {
        "statementId": heard.statement.sid or "",
        "effect": heard.statement.effect.value.upper(),
        "principals": _values([caller.unique_id]),
        "principalGroups": _items([]),
        "actions": _values(written.get("Action", written.get("NotAction", []))),
        "resources": _values(written.get("Resource", written.get("NotResource", "*"))),
        "conditions": _items(conditions),
    }


def _written(heard: Heard) -> dict[str, dict[str, dict[str, object]]]:
    return _statements(heard.policy.text)[heard.statement.index]


@lru_cache(_MOST_TEXTS)
def _statements(text: str) -> list[dict[str, dict[str, dict[str, object]]]]:
    """Read a document once for all of its statements."""
    given = json.loads(text)["Statement"]
    return given if isinstance(given, list) else [given]


def _context(caller: Caller, explanation: Explanation) -> dict[str, object]:
    request = explanation.request
    # No condition compared a value that is too long, and it would not fit.
    keys = sorted(request.context.keys() - {*too_long(request.context)})
    told = [key for key in keys if not (request.crosses_border and key.startswith(_OF_RESOURCE))]
    conditions = [{"key": key, "values": _values(request.context[key])} for key in told]
    return {
        "principal": {"id": caller.user_id, "arn": caller.arn},
        "action": request.action,
        "resource": request.resource,
        "conditions": _items(conditions),
    }


def _items(found: Iterable[object]) -> dict[str, object]:
    return {"items": list(found)}


def _values(given: object) -> dict[str, object]:
    return _items({"value": each} for each in (given if isinstance(given, list | tuple) else [given]))
