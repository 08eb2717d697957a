"""The form of the answers of twinport's own operations."""

from collections.abc import Mapping

import orjson

from twinport.http.messages import Answer


def json_answer(status: int, content: Mapping[str, object]) -> Answer:
    headers = {"content-type": "application/json", "x-content-type-options": "nosniff", "cache-control": "no-store"}
    return Answer(status, headers, orjson.dumps(content))
