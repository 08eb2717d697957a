"""The keys of issuers: given by the operator, or fetched from the address that the issuer publishes, and cached."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from twinport.clock import Clock
from twinport.egress.requests import EgressRequest, Fetcher
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.refusals.egress import NotFetched
from twinport.refusals.oidc import IssuerUnreachable, KeyNotRetrieved

# A key as its issuer publishes it (RFC 7517).
JsonKey = Mapping[str, object]

DISCOVERY = "/.well-known/openid-configuration"
FRESH = timedelta(hours=1)
# An unknown key may be new, so the issuer is asked again, but no more often than this: a stranger can cause it.
PAUSE = timedelta(minutes=1)
# How long an issuer that failed is not asked again.
AFTER_FAILURE = timedelta(seconds=10)
MOST_ISSUERS = 256
MOST_KEYS = 200
_MOST_BYTES = 1 << 18
_WITHIN = timedelta(seconds=5)
_OK = 200


@dataclass(slots=True)
class _Entry:
    """What is known of an issuer. The lock allows one fetch at a time."""

    keys: tuple[JsonKey, ...] = ()
    fetched_at: datetime | None = None
    failed_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def needs_fetch(self, key_id: str | None, now: datetime) -> bool:
        if self.fetched_at is None or now - self.fetched_at >= FRESH:
            return True
        return not candidates(self.keys, key_id) and now - self.fetched_at >= PAUSE

    def rests(self, now: datetime) -> bool:
        return self.failed_at is not None and now - self.failed_at < AFTER_FAILURE


class IssuerKeys:
    """Keys by issuer, whose address includes `https://`. Keys that the operator gave are never fetched."""

    def __init__(self, fetcher: Fetcher, given: Mapping[str, Sequence[JsonKey]], wall: Clock) -> None:
        self._fetcher, self._given, self._wall = fetcher, given, wall
        self._entries: dict[str, _Entry] = {}

    async def find(self, issuer: str, key_id: str | None) -> Sequence[JsonKey]:
        """Return the keys that may have signed a token. Raises KeyNotRetrieved, or IssuerUnreachable for a while."""
        keys = self._given[issuer] if issuer in self._given else await self._fetched(issuer, key_id)
        if not (found := candidates(keys, key_id)):
            raise KeyNotRetrieved
        return found

    async def _fetched(self, issuer: str, key_id: str | None) -> Sequence[JsonKey]:
        entry = self._entry(issuer)
        async with entry.lock:
            now = self._wall.now()
            if entry.needs_fetch(key_id, now):
                await self._refresh(issuer, entry, now)
            return entry.keys

    def _entry(self, issuer: str) -> _Entry:
        entry = self._entries.pop(issuer, None) or _Entry()
        while len(self._entries) >= MOST_ISSUERS:
            # The least recently used entry.
            del self._entries[next(iter(self._entries))]
        self._entries[issuer] = entry
        return entry

    async def _refresh(self, issuer: str, entry: _Entry, now: datetime) -> None:
        if entry.rests(now):
            raise IssuerUnreachable(issuer)
        try:
            entry.keys = await self._fetch(issuer)
        except NotFetched as refusal:
            entry.failed_at = now
            telemetry.warning(Event.ISSUER_UNREACHABLE, issuer=issuer, reason=refusal.message)
            raise IssuerUnreachable(issuer) from refusal
        except KeyNotRetrieved:
            entry.failed_at = now
            raise
        entry.fetched_at, entry.failed_at = now, None

    async def _fetch(self, issuer: str) -> tuple[JsonKey, ...]:
        configuration = await self._json(f"{issuer}{DISCOVERY}")
        named, where = configuration.get("issuer"), configuration.get("jwks_uri")
        if not isinstance(named, str) or named.rstrip("/") != issuer or not isinstance(where, str):
            raise KeyNotRetrieved
        return key_set(await self._json(where))

    async def _json(self, url: str) -> Mapping[str, object]:
        headers = {"accept": "application/json"}
        answer = await self._fetcher.fetch(EgressRequest(url, headers=headers, most_bytes=_MOST_BYTES, within=_WITHIN))
        if answer.status != _OK:
            raise KeyNotRetrieved
        return json_object(answer.body)


def json_object(text: bytes | str) -> Mapping[str, object]:
    """Parse a JSON object. Raises KeyNotRetrieved for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KeyNotRetrieved from error
    if not isinstance(value, dict):
        raise KeyNotRetrieved
    return value


def key_set(value: Mapping[str, object]) -> tuple[JsonKey, ...]:
    """Return the keys of a set, up to a limit. Raises KeyNotRetrieved for anything but a key set."""
    keys = value.get("keys")
    if not isinstance(keys, list):
        raise KeyNotRetrieved
    return tuple(key for key in keys[:MOST_KEYS] if isinstance(key, dict))


def candidates(keys: Sequence[JsonKey], key_id: str | None) -> Sequence[JsonKey]:
    """Return the keys of an id. A token without a key id is accepted only from an issuer with a single key."""
    if key_id is None:
        return keys if len(keys) == 1 else ()
    return tuple(key for key in keys if key.get("kid") == key_id)
