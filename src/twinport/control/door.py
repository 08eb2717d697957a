"""twinport's own operations: health, and the reset of a development deployment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from twinport import __version__
from twinport.exchange import Answer, AnyAnswer, Request

PREFIX = "/_twinport/"


@dataclass(frozen=True, slots=True)
class ControlDoor:
    """`reset` is None where accounts are not open: then nobody may return the server to an empty state."""

    reset: Callable[[], Awaitable[None]] | None

    async def answer(self, request: Request) -> AnyAnswer:
        match request.method, request.path.removeprefix(PREFIX):
            case (("GET" | "HEAD"), "health"):
                return _json(200, {"status": "ok", "version": __version__})
            case "POST", "reset":
                return await self._reset()
            case _, "health" | "reset":
                return _json(405, {"message": f"{request.method} is not what this address is for"})
            case _:
                return _json(404, {"message": f"there is nothing at '{request.path[:200]}'"})

    async def _reset(self) -> AnyAnswer:
        if self.reset is None:
            return _json(403, {"message": "reset is possible only where accounts are open ('open_accounts')"})
        await self.reset()
        return _json(200, {"status": "empty"})


def _json(status: int, content: dict[str, str]) -> Answer:
    headers = {"content-type": "application/json", "x-content-type-options": "nosniff", "cache-control": "no-store"}
    return Answer(status, headers, orjson.dumps(content))
