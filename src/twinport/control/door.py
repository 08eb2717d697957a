"""twinport's own operations: health, and, of a development deployment, the reset and a look at the deliveries."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson

from twinport import __version__
from twinport.control.deliveries import DeliveryReader, describe, parse_source
from twinport.exchange import Answer, AnyAnswer, Request
from twinport.refusals.requests import BadName

PREFIX = "/_twinport/"
Handler = Callable[[Request], Awaitable[AnyAnswer]]


@dataclass(frozen=True, slots=True)
class ControlDoor:
    """`reset` and `deliveries` are None where accounts are not open: nobody may empty the server or look inside."""

    reset: Callable[[], Awaitable[None]] | None
    deliveries: DeliveryReader | None

    def routes(self) -> Mapping[str, Mapping[str, Handler]]:
        """Return what answers each method of each address beneath `PREFIX`."""
        return {
            "health": {"GET": _health, "HEAD": _health},
            "reset": {"POST": self._reset},
            "deliveries": {"GET": self._deliveries},
        }

    async def answer(self, request: Request) -> AnyAnswer:
        methods = self.routes().get(request.path.removeprefix(PREFIX))
        if methods is None:
            return _json(404, {"message": f"there is nothing at '{request.path[:200]}'"})
        handler = methods.get(request.method)
        if handler is None:
            return _json(405, {"message": f"{request.method} is not what this address is for"})
        return await handler(request)

    async def _reset(self, _request: Request) -> AnyAnswer:
        if self.reset is None:
            return _json(403, {"message": "reset is possible only where accounts are open ('open_accounts')"})
        await self.reset()
        return _json(200, {"status": "empty"})

    async def _deliveries(self, request: Request) -> AnyAnswer:
        if self.deliveries is None:
            return _json(403, {"message": "deliveries are shown only where accounts are open ('open_accounts')"})
        try:
            source = parse_source(request.query)
        except BadName as refusal:
            return _json(400, {"message": refusal.message})
        return _json(200, {"deliveries": [describe(report) for report in await self.deliveries(source)]})


async def _health(_request: Request) -> AnyAnswer:
    return _json(200, {"status": "ok", "version": __version__})


def _json(status: int, content: Mapping[str, object]) -> Answer:
    headers = {"content-type": "application/json", "x-content-type-options": "nosniff", "cache-control": "no-store"}
    return Answer(status, headers, orjson.dumps(content))
