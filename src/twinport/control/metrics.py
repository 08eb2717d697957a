"""`/_twinport/metrics`: which scrapes are answered, and the content of the answer."""

import hmac
import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType

from twinport.control.answers import json_answer
from twinport.control.backlog import BacklogReader
from twinport.http.admission import Admission
from twinport.http.messages import Answer, AnyAnswer, Request
from twinport.metrics.values import Snapshot
from twinport.processes.pools import MESSAGES
from twinport.refusals.requests import ServerBusy
from twinport.settings.open_accounts import OpenAccounts

PATH = "/_twinport/metrics"
_SCHEME = "bearer"
Processes = Callable[[], Awaitable[Sequence[tuple[str, Snapshot]]]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """Gathers the numbers of the deployment's processes on this host, and the figures from the database."""

    processes: Processes
    backlog: BacklogReader

    async def answer(self) -> Answer:
        """Answer with all metrics, formatted beside the event loop."""
        processes, deployment = await self.processes(), await self.backlog.snapshot()
        try:
            content_type, text = await MESSAGES.run(partial(_written, processes, deployment))
        except ServerBusy as refusal:
            return _refused(503, refusal.message)
        return Answer(200, {"content-type": content_type, "cache-control": "no-store"}, text)


@dataclass(frozen=True, slots=True)
class MetricsDoor:
    """Answers scrapes on the registry's listener: with the token, or without one if accounts are open."""

    admission: Admission
    open_accounts: OpenAccounts
    token: str | None
    scrape: Scrape

    async def answer(self, request: Request) -> AnyAnswer:
        if self.token is not None:
            return await _answer_with_token(request, self.token, self.scrape)
        if not self.open_accounts.admit(is_local=self.admission.is_local(request)):
            text = "metrics are shown to a scrape with a token ('metrics_token') or on 'metrics_listen', not here"
            return _refused(403, text)
        return await self.scrape.answer()


@dataclass(frozen=True, slots=True)
class OwnListenerDoor:
    """The only door of a listener that serves nothing but metrics."""

    token: str | None
    scrape: Scrape

    async def answer(self, request: Request) -> AnyAnswer:
        if request.path not in (PATH, "/metrics"):
            return _refused(404, f"only {PATH} is served here")
        if request.method not in ("GET", "HEAD"):
            return _refused(405, "metrics are read with GET")
        if self.token is not None:
            return await _answer_with_token(request, self.token, self.scrape)
        return await self.scrape.answer()


async def _answer_with_token(request: Request, token: str, scrape: Scrape) -> Answer:
    """Answer a scrape with the token. The comparison takes as long for a wrong token as for the right one."""
    scheme, _, shown = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == _SCHEME and hmac.compare_digest(shown.strip().encode(), token.encode()):
        return await scrape.answer()
    refusal = _refused(401, "metrics need the header 'Authorization: Bearer TOKEN' with the token of 'metrics_token'")
    return Answer(401, {**refusal.headers, "www-authenticate": 'Bearer realm="twinport metrics"'}, refusal.body)


def _refused(status: int, text: str) -> Answer:
    return json_answer(status, {"message": text})


def load_exposition() -> None:
    """Load the text formatter now, so that the first scrape is as fast as the next."""
    _exposition()


def _written(processes: Sequence[tuple[str, Snapshot]], deployment: Snapshot) -> tuple[str, bytes]:
    exposition = _exposition()
    return exposition.CONTENT_TYPE, exposition.render(processes, deployment)


def _exposition() -> ModuleType:
    # Imported late: a deployment without scrapes does not pay for it (docs/decisions/0004-lean-imports.md).
    return importlib.import_module("twinport.metrics.exposition")
