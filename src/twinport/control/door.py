"""twinport's own operations: health, metrics, a registry's deliveries, and the reset of a development deployment."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from twinport import __version__
from twinport.control.answers import json_answer
from twinport.control.deliveries import DeliveryReader, describe_page, parse_query
from twinport.control.health import Readiness
from twinport.control.readers import ACTION, SignedReaders
from twinport.errors import AccessDenied, BadRequest, NotAuthenticated, Unavailable
from twinport.http.admission import Admission
from twinport.http.messages import Answer, AnyAnswer, Request
from twinport.metrics import current_request
from twinport.model.names import RegionName, Registry
from twinport.processes.draining import Draining
from twinport.processes.pools import MESSAGES
from twinport.settings.open_accounts import OpenAccounts

PREFIX = "/_twinport/"
_SIGNED = f"; a request signed for ECR by a caller that is allowed {ACTION} is answered, too"
Handler = Callable[[Request], Awaitable[AnyAnswer]]


@dataclass(frozen=True, slots=True)
class ControlDoor:
    """Only clients for which accounts are open may reset the server or see deliveries.

    Callers whose signature `signed` accepts may see deliveries, too. `metrics` has its own rules.
    """

    admission: Admission
    open_accounts: OpenAccounts
    regions: Collection[RegionName]
    reset: Callable[[], Awaitable[None]]
    deliveries: DeliveryReader
    readiness: Readiness
    metrics: Handler
    signed: SignedReaders | None = None
    draining: Draining = field(default_factory=Draining)
    # The handler of each method for each address beneath `PREFIX`.
    routes: Mapping[str, Mapping[str, Handler]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "routes", self._routes())

    def _routes(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            "health": {"GET": _health, "HEAD": _health, "OPTIONS": _health},
            "health/live": {"GET": _live, "HEAD": _live, "OPTIONS": _live},
            "health/ready": {"GET": self._ready, "HEAD": self._ready, "OPTIONS": self._ready},
            "reset": {"POST": self._reset},
            "deliveries": {"GET": self._deliveries},
            "metrics": {"GET": self.metrics, "HEAD": self.metrics},
        }

    async def answer(self, request: Request) -> AnyAnswer:
        current_request.entered("control")
        what = request.path.removeprefix(PREFIX)
        methods = self.routes.get(what)
        if methods is None:
            return json_answer(404, {"message": f"there is nothing at '{request.path[:200]}'"})
        handler = methods.get(request.method)
        if handler is None:
            return json_answer(405, {"message": f"{request.method} is not what this address is for"})
        current_request.asked(f"control:{what}")
        try:
            return await handler(request)
        except Unavailable as refusal:
            return json_answer(503, {"message": refusal.message})

    async def _ready(self, _request: Request) -> AnyAnswer:
        if self.draining.is_on:
            return json_answer(503, {"status": "draining", "reason": "the operator drains this node"})
        missing = await self.readiness.missing()
        if missing:
            return json_answer(503, {"status": "unready", "missing": missing})
        return json_answer(200, {"status": "ok"})

    async def _reset(self, request: Request) -> AnyAnswer:
        if (refused := self._refused(request, "reset is possible")) is not None:
            return refused
        await self.reset()
        return json_answer(200, {"status": "empty"})

    async def _deliveries(self, request: Request) -> AnyAnswer:
        try:
            asked = parse_query(request.query, self.regions)
            if (refused := await self._hidden(request, asked.source)) is not None:
                return refused
            page = await self.deliveries(asked.source, asked.limit, asked.before)
        except BadRequest as refusal:
            return json_answer(400, {"message": refusal.message})
        except (AccessDenied, NotAuthenticated) as refusal:
            return json_answer(403, {"message": refusal.message})
        return await MESSAGES.run(lambda: json_answer(200, describe_page(page)))

    async def _hidden(self, request: Request, source: Registry) -> Answer | None:
        """Return the refusal of a request without a signature, unless accounts are open for its client."""
        if self.signed is not None and request.header("authorization") is not None:
            await self.signed.require(request, source)
            return None
        return self._refused(request, "without a signature deliveries are shown", _SIGNED)

    def _refused(self, request: Request, what: str, otherwise: str = "") -> Answer | None:
        """Return the refusal of an operation that needs open accounts; None if accounts are open for the client."""
        if self.open_accounts.admit(is_local=self.admission.is_local(request)):
            return None
        is_closed = self.open_accounts is OpenAccounts.CLOSED
        where = "where accounts are open" if is_closed else "to clients on this machine that come by no proxy"
        return json_answer(403, {"message": f"{what} only {where} ('open_accounts'){otherwise}"})


async def _live(request: Request) -> AnyAnswer:
    """Answer like `_health`. `make gate` tells routes apart by their handlers, so each route has its own handler."""
    return await _health(request)


async def _health(_request: Request) -> AnyAnswer:
    return json_answer(200, {"status": "ok", "version": __version__})
