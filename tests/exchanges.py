"""What the test that runs now sent to ECR and was answered: what its mark `honors` claims must be among it.

A name is `PutImage.imageTag` for a member that was sent, and `PutImage.ImageAlreadyExistsException` for an error that
was answered. docs/reference/ecr.md names the tests that have the mark.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

MARK = "honors"
_seen: set[str] = set()


def forget() -> None:
    """Begin with a test."""
    _seen.clear()


def seen() -> frozenset[str]:
    """Return the names of what was sent and answered since the test began."""
    return frozenset(_seen)


def sent(operation: str, body: bytes) -> None:
    """Note a request. One whose body is no JSON object has no members."""
    with suppress(ValueError, RecursionError):
        _seen.update(f"{operation}.{path}" for path in _paths(json.loads(body)))


def answered(operation: str, code: object) -> None:
    """Note the code of a refusal, if there is one."""
    if code:
        _seen.add(f"{operation}.{code}")


def is_error(name: str) -> bool:
    """Tell an error from a member: members begin with a small letter, or are a tag's Key and Value."""
    return name.endswith("Exception")


def listen(client: Any) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    """Note what this client of ECR sends and is answered from now on."""
    client.meta.events.register("before-call.ecr", _before)
    client.meta.events.register("after-call.ecr", _after)


def _before(model: Any, params: dict[str, Any], **_: object) -> None:  # noqa: ANN401 — as above
    sent(model.name, params["body"])


def _after(model: Any, parsed: dict[str, Any], **_: object) -> None:  # noqa: ANN401 — as above
    answered(model.name, parsed.get("Error", {}).get("Code"))


def _paths(value: object, path: str = "") -> Iterator[str]:
    """Yield `rules`, `rules[]` and `rules[].filter` of a body that has them."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, f"{path}.{name}".lstrip("."))
    if isinstance(value, list):
        for inner in value:
            yield from _paths(inner, f"{path}[]")
