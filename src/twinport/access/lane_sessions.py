"""Sessions of the replication role: what a courier signs with, and how a destination knows its caller.

The session is a token and a private key. The site signs the token, which names the role, the lane, the end and the
session's public key; so a destination needs the site's public key, and neither a row nor a secret. Each part of the
protocol carries the token and a signature of that part (docs/decisions/0047-copies-over-a-wire.md says what it covers).
"""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from twinport.access.session_callers import RoleFacts, session_caller
from twinport.access.sessions import Sessions
from twinport.clock import Clock
from twinport.model.identities import REPLICATION_ROLE, REPLICATION_SERVICE, Caller, Origin, Session
from twinport.model.names import AccountId, RegionName, Registry, session_arn
from twinport.refusals.callers import CredentialsUnknown

DURATION = timedelta(minutes=15)
# Tokens that were verified lately: a lane sends hundreds of parts with one.
_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Authorization:
    """What each part carries: the token of its session, and the session's signature of the part."""

    token: str = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LaneSession:
    """The courier's side of a session. The private key never leaves it."""

    arn: str
    expires_at: datetime
    _token: str = field(repr=False)
    _key: Ed25519PrivateKey = field(repr=False)

    def authorize(self, statement: bytes) -> Authorization:
        """Sign the statement of one part of the protocol."""
        return Authorization(self._token, self._key.sign(statement))


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that this site signed."""

    role: RoleFacts
    session: Session
    key: Ed25519PublicKey


class LaneSessions:
    """Opens sessions of the replication role, and verifies them. Each is bound to one source and one destination.

    A session has no row. It still ends with the role's unique id, since the gate finds no policies for a deleted id.
    """

    def __init__(self, sessions: Sessions, world: Clock) -> None:
        self._sessions, self._world = sessions, world
        self._verified: dict[str, _Verified] = {}

    async def open(self, role_id: str, source: Registry, destination: Registry) -> LaneSession:
        """Open a session for 15 minutes (sts:AssumeRole by the service itself)."""
        now, key = self._world.now(), Ed25519PrivateKey.generate()
        name = f"{source.region}-{destination.account}-{destination.region}-{secrets.token_hex(4)}"
        payload: dict[str, object] = {
            "lane": [source.account, source.region, destination.account, destination.region],
            "role": role_id,
            "name": name,
            "from": now.timestamp(),
            "until": (now + DURATION).timestamp(),
            "key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        }
        token = await self._sessions.sign(payload)
        return LaneSession(session_arn(source.account, REPLICATION_ROLE, name), now + DURATION, token, key)

    async def caller(self, authorization: Authorization, statement: bytes, origin: Origin) -> Caller:
        """Return the caller that signed a statement, even if its session has ended. Raises CredentialsUnknown."""
        verified = await self._opened(authorization.token)
        try:
            verified.key.verify(authorization.signature, statement)
        except InvalidSignature:
            raise CredentialsUnknown from None
        return session_caller(verified.role, verified.session, origin, access_key_id="")

    async def _opened(self, token: str) -> _Verified:
        known = self._verified.get(token)
        if known is None:
            known = _read(await self._sessions.opened(token))
            self._verified[token] = known
            if len(self._verified) > _REMEMBERED:
                self._verified.pop(next(iter(self._verified)))
        return known


def _read(payload: dict[str, object]) -> _Verified:
    """Read a payload that the site signed: perhaps for a session of another kind."""
    match payload:
        case {
            "lane": [str(account), str(region), str(far_account), str(far_region)],
            "role": str(role_id),
            "name": str(name),
            "from": float(begin),
            "until": float(end),
            "key": str(key),
        }:
            source = Registry(AccountId(account), RegionName(region))
            destination = Registry(AccountId(far_account), RegionName(far_region))
        case _:
            raise CredentialsUnknown
    session = Session(
        name=name,
        issued_at=datetime.fromtimestamp(begin, UTC),
        expires_at=datetime.fromtimestamp(end, UTC),
        service=REPLICATION_SERVICE,
        binding=(source, destination),
    )
    role = RoleFacts(source.account, role_id, REPLICATION_ROLE, f"/aws-service-role/{REPLICATION_SERVICE}/")
    return _Verified(role, session, Ed25519PublicKey.from_public_bytes(base64.b64decode(key)))
