"""From a signed request to its caller."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from hashlib import sha256

from twinport.access.principals import Principals
from twinport.access.session_limits import may_call_iam
from twinport.access.sessions import Sessions
from twinport.aws import sigv4
from twinport.clock import Clock
from twinport.errors import NotAuthenticated
from twinport.http import access_log
from twinport.model.identities import Caller, Origin
from twinport.model.names import AccountId, RegionName
from twinport.model.networks import network_of
from twinport.model.regions import GLOBAL_REGION
from twinport.processes import pools
from twinport.processes.hashing import run_over
from twinport.refusals.callers import CredentialsUnknown

# STS's endpoint without a Region. Its other endpoints, and this server's own addresses, are of the Region signed for.
_GLOBAL_STS = "sts.amazonaws.com"
_REGIONAL_STS = re.compile(r"sts\.([a-z0-9-]+)\.amazonaws\.com")


# The most pairs of a key and a network that are remembered as proven. The oldest are forgotten first.
_MOST_PROVEN = 10_000


@dataclass(frozen=True, slots=True)
class Claim:
    """The account of the key that a request names. It is proven if that network has signed with that key before."""

    account: AccountId
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Verifies signatures with the wall's clock: a moved world does not disturb them."""

    principals: Principals
    sessions: Sessions
    wall: Clock
    regions: Collection[RegionName]
    _proven: dict[tuple[str, str], None] = field(default_factory=dict)

    async def authenticate(self, message: sigv4.Message, body: bytes, service: str, origin: Origin) -> Caller:
        """Return the caller that signed the request. Its Region is that of the signature, or IAM's or STS's global one.

        A client that is given an endpoint address signs for a Region of its own choice, even for IAM. IAM ignores that
        Region.

        Raises a NotAuthenticated refusal that names the problem and reveals nothing of the secret.
        """
        signed = message.signed()
        is_global = _is_global(service, message)
        expected = {*self.regions, GLOBAL_REGION} if is_global else self.regions
        sigv4.require_scope(signed, service=service, regions=expected)
        region = GLOBAL_REGION if is_global else RegionName(signed.scope.region)
        caller, secret = await self.principals.find(signed.access_key_id, replace(origin, region=region))
        await self._check_session(signed, caller)
        sigv4.verify(signed, secret, now=self.wall.now(), body_hash=await _hash(body))
        self._prove(signed.access_key_id, origin)
        access_log.note_caller(caller.arn)
        pools.PARTY.set(caller.account)
        if service == "iam" and not may_call_iam(caller):
            raise CredentialsUnknown
        return caller

    def region_of_unsigned(self, message: sigv4.Message) -> RegionName:
        """Return the Region of an unsigned request: that of its host, or else of STS's global endpoint."""
        for host in message.values("host"):
            found = _REGIONAL_STS.fullmatch(_name_of(host))
            if found and found[1] in self.regions:
                return RegionName(found[1])
        return GLOBAL_REGION

    async def named_by(self, message: sigv4.Message, origin: Origin) -> Claim | None:
        """Return the active key that a request names, if any. This proves nothing: the signature needs the body."""
        try:
            key = message.signed().access_key_id
            caller, _ = await self.principals.find(key, origin)
        except NotAuthenticated:
            return None
        return Claim(caller.account, (key, network_of(origin.source_ip)) in self._proven)

    def _prove(self, key: str, origin: Origin) -> None:
        self._proven[key, network_of(origin.source_ip)] = None
        if len(self._proven) > _MOST_PROVEN:
            del self._proven[next(iter(self._proven))]

    async def _check_session(self, signed: sigv4.SignedRequest, caller: Caller) -> None:
        """Check that a session's request has the session's token, and that a long-term key's request has none."""
        if (caller.session is None) != (signed.session_token is None):
            raise CredentialsUnknown
        if signed.session_token is not None:
            await self.sessions.check_token(signed.session_token, signed.access_key_id)


async def _hash(body: bytes) -> str:
    return await run_over([body], lambda: sha256(body).hexdigest())


def _is_global(service: str, message: sigv4.Message) -> bool:
    """Tell whether a request came to an endpoint without a Region: IAM's only one, or STS's global host name."""
    hosts = set(map(_name_of, message.values("host")))
    return service == "iam" or (service == "sts" and _GLOBAL_STS in hosts)


def _name_of(host: str) -> str:
    """Return the name in a Host header, without the final dot of an absolute name."""
    return host.partition(":")[0].lower().rstrip(".")
