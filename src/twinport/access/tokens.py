"""What a Region signs with its own key: authorization tokens for `/v2/`, and presigned addresses of layers."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from twinport.access import lasting
from twinport.access.generations import ByGeneration, Generations
from twinport.access.principals import Principals
from twinport.access.sealing import Sealer
from twinport.access.uses import Uses
from twinport.catalog import credentials
from twinport.catalog.beginnings import era_of
from twinport.catalog.ports import Catalog
from twinport.clock import Clock
from twinport.errors import NotAuthenticated
from twinport.http import access_log
from twinport.model.identities import Caller, Origin, Reading
from twinport.model.names import RegionName, Registry, region_name
from twinport.processes import pools
from twinport.refusals.callers import (
    CredentialsUnknown,
    RegistryTokenExpired,
    RegistryTokenInvalid,
    RegistryTokenMissing,
    SessionExpired,
)
from twinport.refusals.requests import BadName

TOKEN_LIFE = timedelta(hours=12)
_NEVER, _ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
TOKEN_USER = "AWS"  # noqa: S105 — a user name, no secret
# A superseded key is good as long as what it signed, and five minutes more, for hosts whose clocks differ.
_CLOCKS = timedelta(minutes=5)
_OVERLAP = TOKEN_LIFE + _CLOCKS
# Ids of uploads without a byte live for 24 hours (docs/decisions/0048-upload-ids.md).
_OVERLAP_OF_MACS = timedelta(hours=24) + 2 * _CLOCKS
# The most keys of Regions, and verified tokens, that are remembered.
_MOST_KEYS = 256
_MOST_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class _Key:
    secret: bytes
    superseded_at: datetime | None

    def is_good(self, now: datetime, overlap: timedelta) -> bool:
        return self.superseded_at is None or now < self.superseded_at + overlap


class RegionKeys:
    """Message authentication with a Region's key. The key is made at its first use; each signature names it.

    `regions` are those of the deployment. A Region outside this list, which a stranger may have made up, is not looked
    up.
    """

    def __init__(self, catalog: Catalog, sealer: Sealer, world: Clock, regions: Collection[RegionName]) -> None:
        self._catalog, self._sealer, self._world, self._regions = catalog, sealer, world, regions
        # By era: a Region keeps its keys until a reset of the deployment, or a rotation, which begins an era too.
        self._opened: ByGeneration[tuple[RegionName, str], _Key] = ByGeneration(_MOST_KEYS)
        # All keys of a Region, the newest first. Not beside those above, whose ids clients send.
        self._all: ByGeneration[RegionName, tuple[_Key, ...]] = ByGeneration(_MOST_KEYS)

    async def sign(self, region: RegionName, text: str) -> str:
        """Return `key-id.mac` for a text."""
        row = await self._newest(region)
        return f"{row.id}.{_mac(self._open(region, row).secret, text)}"

    async def mac(self, region: RegionName, text: str, generation: int) -> bytes:
        """Return a MAC for a text, by the Region's newest key, for what has no room to name the key.

        `generation` is one that was read just before. The keys are read once an era.
        """
        keys = self._all.get(era_of(generation), region) or await self._read_all(region, generation)
        return _digest(keys[0].secret, text)

    async def has_mac(self, region: RegionName, text: str, generation: int, is_right: Callable[[bytes], bool]) -> bool:
        """Tell whether `is_right` recognizes the MAC of a text by any key of the Region that is good.

        The keys are read again before the answer is no: another process may have made one since.
        """
        known = self._all.get(era_of(generation), region)
        if known is not None and self._is_by_one(known, text, is_right):
            return True
        return self._is_by_one(await self._read_all(region, generation), text, is_right)

    def _is_by_one(self, keys: tuple[_Key, ...], text: str, is_right: Callable[[bytes], bool]) -> bool:
        now = self._world.now()
        return any(is_right(_digest(key.secret, text)) for key in keys if key.is_good(now, _OVERLAP_OF_MACS))

    async def _read_all(self, region: RegionName, generation: int) -> tuple[_Key, ...]:
        rows = await self._catalog.region(region).read(credentials.token_keys) or [await self._make(region)]
        keys = tuple(self._open(region, row) for row in rows)
        self._all.keep(era_of(generation), region, keys)
        return keys

    async def _newest(self, region: RegionName) -> credentials.TokenKeyRow:
        rows = await self._catalog.region(region).read(credentials.token_keys)
        return rows[0] if rows else await self._make(region)

    async def verifies(self, region: RegionName, text: str, signature: str, generation: int | None = None) -> bool:
        """Tell whether `signature` is this Region's for `text`. Always False for a Region that is not served.

        `generation` is one that was read just before.
        """
        return await self.good_until(region, text, signature, generation) > self._world.now()

    async def good_until(
        self, region: RegionName, text: str, signature: str, generation: int | None = None
    ) -> datetime:
        """Return when the key of a signature ends, as far as is known: the end of time for the key that signs.

        Return the beginning of time if the signature is not this Region's for `text`, or the Region is not served.
        """
        if region not in self._regions:
            return _NEVER
        key_id, _, mac = signature.partition(".")
        now = await self._catalog.partition.generation() if generation is None else generation
        key = await self._key(region, key_id, now)
        if key is None or not hmac.compare_digest(_mac(key.secret, text).encode(), mac.encode()):
            return _NEVER
        return _ALWAYS if key.superseded_at is None else key.superseded_at + _OVERLAP

    async def rotate(self, region: RegionName) -> bool:
        """Make another key of a Region, which signs from now on, if it has one. Tell whether it has.

        Other processes know that the key before was superseded once a new era has begun.
        """
        row, now = self._new(region), self._world.now()
        forgotten = now - max(_OVERLAP, _OVERLAP_OF_MACS)
        return await self._catalog.region(region).write(
            lambda db: credentials.rotate_token_key(db, row, now, forgotten)
        )

    async def _key(self, region: RegionName, key_id: str, generation: int) -> _Key | None:
        opened = self._opened.get(era_of(generation), (region, key_id))
        if opened is not None:
            return opened
        rows = await self._catalog.region(region).read(credentials.token_keys)
        found = {row.id: self._open(region, row) for row in rows}
        for each, key in found.items():
            self._opened.keep(era_of(generation), (region, each), key)
        # Not what is kept: meanwhile another request may have kept keys of a newer era.
        return found.get(key_id)

    def _open(self, region: RegionName, row: credentials.TokenKeyRow) -> _Key:
        return _Key(self._sealer.open(row.sealed_key, f"token key {region} {row.id}"), row.superseded_at)

    def _new(self, region: RegionName) -> credentials.TokenKeyRow:
        key_id = secrets.token_hex(4)
        sealed = self._sealer.seal(secrets.token_bytes(32), f"token key {region} {key_id}")
        return credentials.TokenKeyRow(key_id, sealed)

    async def _make(self, region: RegionName) -> credentials.TokenKeyRow:
        row, now = self._new(region), self._world.now()
        return await self._catalog.region(region).write(lambda db: credentials.add_token_key(db, row, now))


class RegistryTokens:
    """Authorization tokens (GetAuthorizationToken).

    A token names an access key id, the Region that issued it and its end. It carries no permission. At each use the
    key must still be active and its principal must exist, and the gate decides by the principal's current policies.
    """

    def __init__(self, keys: RegionKeys, principals: Principals, world: Clock, uses: Uses) -> None:
        self._keys, self._principals, self._world, self._uses = keys, principals, world, uses
        self._generations = Generations(principals.catalog)
        # The claims of tokens whose signature was verified, by token: as long as the Region keeps the key.
        self._verified: ByGeneration[str, _Claims] = ByGeneration(_MOST_TOKENS)

    async def issue(self, caller: Caller) -> tuple[str, datetime]:
        """Return the password for user `AWS`, and when it ends: in 12 hours, or with the caller's session."""
        expires_at = self._world.now() + TOKEN_LIFE
        if caller.session is not None:
            expires_at = min(expires_at, caller.session.expires_at)
        region = caller.origin.region
        claims = {"k": caller.access_key_id, "r": region, "e": int(expires_at.timestamp())}
        payload = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()
        signature = await self._keys.sign(region, f"token {payload}")
        return f"{payload}.{signature}", datetime.fromtimestamp(int(expires_at.timestamp()), UTC)

    async def open(self, authorization: str | None, origin: Origin, only_region: RegionName | None) -> Caller:
        """Return the caller behind a Basic `Authorization` header; its origin's Region becomes the token's.

        `only_region` is set at a host that names its Region: a token of another one is refused there, as in ECR.
        Raises RegistryTokenMissing, RegistryTokenExpired or RegistryTokenInvalid.
        """
        user, password = basic_credentials(authorization)
        if user != TOKEN_USER:
            raise RegistryTokenInvalid
        reading = await self._generations.read()
        claims = await self._claims(password, reading.generation)
        if claims.ends <= self._world.now().timestamp():
            raise RegistryTokenExpired
        if only_region is not None and only_region != claims.region:
            raise RegistryTokenInvalid
        caller = await self._caller(claims.access_key_id, replace(origin, region=claims.region), reading)
        lasting.admitted(caller, datetime.fromtimestamp(claims.ends, UTC))
        return caller

    def remembered(self, authorization: str | None) -> Registry | None:
        """Return the registry of a client whose token was opened before. The token may be void since."""
        try:
            _, password = basic_credentials(authorization)
        except NotAuthenticated:
            return None
        claims = self._verified.last(password)
        account = None if claims is None else self._principals.remembered(claims.access_key_id)
        return None if claims is None or account is None else Registry(account, claims.region)

    async def _claims(self, token: str, generation: int) -> "_Claims":
        """Return the claims of a token that a Region of this deployment signed. Raises RegistryTokenInvalid."""
        known = self._verified.get(era_of(generation), token)
        if known is None:
            payload, _, signature = token.partition(".")
            known = _claims(payload)
            until = await self._keys.good_until(known.region, f"token {payload}", signature, generation)
            if until <= self._world.now():
                raise RegistryTokenInvalid
            # Kept claims end with the key, whatever they say.
            known = replace(known, ends=min(known.ends, int(until.timestamp())))
            self._verified.keep(era_of(generation), token, known)
        return known

    async def _caller(self, access_key_id: str, origin: Origin, reading: Reading) -> Caller:
        try:
            caller, _ = await self._principals.find(access_key_id, origin, reading)
        except SessionExpired:
            raise RegistryTokenExpired from None
        except CredentialsUnknown:
            raise RegistryTokenInvalid from None
        access_log.note_caller(caller.arn)
        pools.PARTY.set(caller.account)
        self._uses.note(caller, "ecr")
        return caller


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), hashlib.sha256)


def _mac(key: bytes, text: str) -> str:
    return _digest(key, text).hex()


def basic_credentials(authorization: str | None) -> tuple[str, str]:
    """Return user and password of a Basic `Authorization` header. Raises RegistryTokenMissing, RegistryTokenInvalid."""
    if not authorization:
        raise RegistryTokenMissing
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise RegistryTokenInvalid
    try:
        user, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:
        # Not ASCII, not base64, or not UTF-8.
        raise RegistryTokenInvalid from None
    return user, password


@dataclass(frozen=True, slots=True)
class _Claims:
    access_key_id: str
    region: RegionName
    ends: int


def _claims(payload: str) -> _Claims:
    """Parse the claims of a token whose signature is not checked yet."""
    try:
        claims = json.loads(base64.b64decode(payload, altchars=b"-_", validate=True))
        return _Claims(str(claims["k"]), region_name(str(claims["r"])), int(claims["e"]))
    except (ValueError, TypeError, KeyError, OverflowError, BadName, RecursionError):
        raise RegistryTokenInvalid from None
