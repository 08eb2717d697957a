"""The text of a repository's or a registry's policy, as ECR writes it back."""

import json
from collections.abc import Mapping

_INDENT = "  "


def rewritten(text: str) -> str:
    """Format a policy: two blanks a level, `"key" : value`, lists in one line, one action as a plain string.

    Nothing is added, dropped or put in another order. `text` is that of a policy that was read and found valid.
    """
    document = json.loads(text)
    statements = document.get("Statement")
    if isinstance(statements, list):
        document["Statement"] = [_with_plain_action(each) for each in statements]
    elif statements is not None:
        document["Statement"] = _with_plain_action(statements)
    return _written(document, 0)


def actions_of(text: str) -> list[str]:
    """Return the actions that a valid policy names. A statement with NotAction names every other action too."""
    statements = json.loads(text)["Statement"]
    named = [each.get("Action", "*") for each in (statements if isinstance(statements, list) else [statements])]
    return [action for each in named for action in (each if isinstance(each, list) else [each])]


def _with_plain_action(statement: Mapping[str, object]) -> dict[str, object]:
    actions = statement.get("Action")
    if isinstance(actions, list) and len(actions) == 1:
        # The key keeps its place.
        return {**statement, "Action": actions[0]}
    return dict(statement)


def _written(value: object, depth: int) -> str:
    match value:
        case dict():
            return _object(value, depth)
        case list():
            return f"[ {', '.join(_written(each, depth) for each in value)} ]" if value else "[ ]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _object(value: Mapping[str, object], depth: int) -> str:
    if not value:
        return "{ }"
    inner = _INDENT * (depth + 1)
    lines = [f"{inner}{json.dumps(key, ensure_ascii=False)} : {_written(it, depth + 1)}" for key, it in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{_INDENT * depth}}}"
