"""Builds the parts that many deployments never use: they are imported at their first use, and not before.

A deployment without identity providers pays nothing for an HTTP client (docs/decisions/0004-lean-imports.md).
"""

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence

from twinport.access.issuer_keys import IssuerKeys, JsonKey, json_object, key_set
from twinport.access.web_claims import Unverified
from twinport.clock import Clock
from twinport.egress.requests import EgressRequest, EgressResponse, Fetcher, Permissions
from twinport.errors import ConfigurationWrong, Refusal
from twinport.http.messages import Answer, AnyAnswer, Door, RefusingDoor, Request
from twinport.processes.pools import MESSAGES
from twinport.refusals.oidc import KeyNotRetrieved
from twinport.settings.loading import Settings


class LateDoor:
    """A door that is imported and built at its first request, in a thread: it takes longer than the loop may wait."""

    def __init__(self, build: Callable[[], Door]) -> None:
        self._build = build
        self._door: Door | None = None
        self._building = asyncio.Lock()

    def built(self) -> Door:
        """Return the door."""
        if self._door is None:
            self._door = self._build()
        return self._door

    async def answer(self, request: Request) -> AnyAnswer:
        """As the port says."""
        return await (await self._ready()).answer(request)

    async def refuse(self, status: int, refusal: Refusal, request: Request) -> Answer | None:
        """As the port says."""
        door = await self._ready()
        return await door.refuse(status, refusal, request) if isinstance(door, RefusingDoor) else None

    async def _ready(self) -> Door:
        if self._door is None:
            async with self._building:
                if self._door is None:
                    # Never refused, since there is at most one such job.
                    await MESSAGES.start_ending(self.built)
        return self.built()


class LateEgress:
    """An egress that is imported at its first request."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions
        self._egress: Fetcher | None = None

    async def fetch(self, request: EgressRequest) -> EgressResponse:
        """As the port says."""
        if self._egress is None:
            made: Fetcher = importlib.import_module("twinport.egress.client").Egress(self._permissions)
            self._egress = made
        return await self._egress.fetch(request)


class LateTokens:
    """A reader of ID tokens that is imported at its first token."""

    def read(self, token: str) -> Unverified:
        found: Unverified = importlib.import_module("twinport.access.id_tokens").read(token)
        return found

    def verify(self, token: str, algorithm: str, keys: Sequence[JsonKey]) -> Mapping[str, object]:
        module = importlib.import_module("twinport.access.id_tokens")
        claims: Mapping[str, object] = module.verify(token, algorithm, keys)
        return claims


def issuer_keys(settings: Settings, wall: Clock) -> IssuerKeys:
    """Read the keys that the operator provides. Raises ConfigurationWrong for a file that is no key set."""
    given: dict[str, Sequence[JsonKey]] = {}
    problems: list[str] = []
    for issuer, file in settings.oidc_keys:
        try:
            given[issuer] = key_set(json_object(file.read_bytes()))
        except (OSError, KeyNotRetrieved):
            problems.append(f"'oidc_keys': '{file}' is not a key set in JSON, with a list of 'keys'")
    if problems:
        raise ConfigurationWrong(problems)
    return IssuerKeys(LateEgress(settings.egress), given, wall)
