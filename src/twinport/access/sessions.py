"""Temporary credentials: issued, signed, and verified."""

import base64
import binascii
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from twinport.access.sealing import SealBroken, Sealer, sealed_elsewhere
from twinport.access.session_callers import Holder, facts_of
from twinport.catalog import credentials
from twinport.catalog.ports import Catalog
from twinport.clock import Clock
from twinport.model.identities import Session
from twinport.refusals.callers import CredentialsUnknown

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials that STS issues. The secret is shown once and stored sealed."""

    access_key_id: str
    secret: str
    token: str
    expires_at: datetime


class Sessions:
    """Temporary credentials. A session ends when the unique id of the principal behind it is deleted."""

    def __init__(self, catalog: Catalog, sealer: Sealer, world: Clock) -> None:
        self._catalog, self._sealer, self._world = catalog, sealer, world
        self._key: _SiteKey | None = None

    async def open(self) -> None:
        """Open the key that signs tokens, or make it. Raises ConfigurationWrong if another host's key sealed it.

        So a second host with a key of its own fails at the start, and not at its clients' requests.
        """
        row = await self._row()
        try:
            self._take(row)
        except SealBroken as error:
            raise sealed_elsewhere(self._sealer, row.sealed_private_key) from error

    def site(self) -> str:
        """Return the name of this deployment, which is no secret. No sealing key is part of it. Needs `open`."""
        assert self._key is not None, "the site's key is open"  # noqa: S101 — an order that the composition keeps
        return self._key.site

    async def issue(self, holder: Holder, session: Session) -> Credentials:
        """Store a new session and return its credentials."""
        key_id, secret = new_key_id("ASIA"), new_secret()
        row: dict[str, object] = {
            "access_key_id": key_id,
            "account": holder.account,
            "principal_id": holder.unique_id,
            "name": session.name,
            "sealed_secret": self._sealer.seal(secret.encode(), f"session {key_id}"),
            "issued_at": session.issued_at,
            "expires_at": session.expires_at,
            "facts": facts_of(holder.kind, session),
        }
        await self._catalog.partition.record(lambda db: credentials.add_session(db, row, self._catalog.now(db)))
        token = await self.sign({"k": key_id, "p": holder.unique_id, "e": session.expires_at.timestamp()})
        return Credentials(key_id, secret, token, session.expires_at)

    async def sign(self, payload: dict[str, object]) -> str:
        """Return a token of this site with this payload."""
        return (await self._site_key()).sign(payload)

    async def opened(self, token: str) -> dict[str, object]:
        """Return the payload of a token. Raises CredentialsUnknown unless this site signed it."""
        return (await self._site_key()).opens(token)

    async def check_token(self, token: str, access_key_id: str) -> None:
        """Raise CredentialsUnknown unless this site signed `token` for `access_key_id`."""
        if (await self.opened(token)).get("k") != access_key_id:
            raise CredentialsUnknown

    async def _site_key(self) -> "_SiteKey":
        return self._key or self._take(await self._row())

    async def _row(self) -> credentials.SiteKeyRow:
        row = await self._catalog.partition.read(credentials.site_key)
        if row is not None:
            return row
        made, now = _new_site_key(self._sealer), self._world.now()
        # `write` serializes transactions, `record` may not: so two processes that start together share one key.
        return await self._catalog.partition.write(lambda db: credentials.add_site_key(db, made, now))

    def _take(self, row: credentials.SiteKeyRow) -> "_SiteKey":
        """Open the site's key, and keep it. Raises SealBroken."""
        self._key = _SiteKey(row, self._sealer)
        return self._key


def new_key_id(prefix: str) -> str:
    """Make an access key id or unique id: a prefix of four letters, then sixteen random characters."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def new_secret() -> str:
    """Make a secret access key of 40 characters."""
    return "".join(secrets.choice(_CHARACTERS) for _ in range(40))


class _SiteKey:
    """The site's Ed25519 key: signs session tokens as `payload.signature`, both base64url."""

    def __init__(self, row: credentials.SiteKeyRow, sealer: Sealer) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(sealer.open(row.sealed_private_key, f"site key {row.id}"))
        self._public = Ed25519PublicKey.from_public_bytes(row.public_key)

    @property
    def site(self) -> str:
        return hashlib.sha256(self._public.public_bytes_raw()).hexdigest()[:8]

    def sign(self, payload: dict[str, object]) -> str:
        text = base64.urlsafe_b64encode(json.dumps(payload, separators=(",", ":")).encode())
        return f"{text.decode()}.{base64.urlsafe_b64encode(self._private.sign(text)).decode()}"

    def opens(self, token: str) -> dict[str, object]:
        text, _, signature = token.partition(".")
        try:
            self._public.verify(base64.urlsafe_b64decode(signature), text.encode())
            payload = json.loads(base64.urlsafe_b64decode(text))
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise CredentialsUnknown from error
        return payload if isinstance(payload, dict) else {}


def _new_site_key(sealer: Sealer) -> credentials.SiteKeyRow:
    private = Ed25519PrivateKey.generate()
    key_id = secrets.token_hex(4)
    sealed = sealer.seal(private.private_bytes_raw(), f"site key {key_id}")
    return credentials.SiteKeyRow(key_id, private.public_key().public_bytes_raw(), sealed)
