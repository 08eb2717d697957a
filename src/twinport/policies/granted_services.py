"""Which services a policy allows any action of. Pure. It ignores resources and conditions."""

import json
from typing import Any

from twinport.model.letters import lower_ascii


def grants(text: str, namespace: str) -> bool:
    """Tell whether a policy of a principal allows some action of the service with this prefix (`ecr`)."""
    given = json.loads(text).get("Statement", [])
    statements = given if isinstance(given, list) else [given]
    return any(
        _allows(statement, lower_ascii(namespace)) for statement in statements if statement.get("Effect") == "Allow"
    )


def _allows(statement: dict[str, Any], namespace: str) -> bool:
    if "NotAction" in statement:
        return not {"*", "*:*", f"{namespace}:*"} & set(_lowered(statement["NotAction"]))
    return any(action.partition(":")[0] in ("*", namespace) for action in _lowered(statement["Action"]))


def _lowered(actions: str | list[str]) -> list[str]:
    return [lower_ascii(action) for action in ([actions] if isinstance(actions, str) else actions)]
