"""From a signed request to its caller."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from hashlib import sha256

from twinport import pools
from twinport.access.principals import Principals
from twinport.access.session_limits import may_call_iam
from twinport.access.sessions import Sessions
from twinport.aws import sigv4
from twinport.clock import Clock
from twinport.errors import NotAuthenticated
from twinport.model.identities import Caller, Origin
from twinport.model.names import RegionName
from twinport.refusals.callers import CredentialsUnknown

# IAM has one endpoint in the partition, which is signed for here (botocore, endpoint rules). A client that is given an
# endpoint of its own signs for its own Region instead.
_GLOBAL_REGION = RegionName("us-east-1")
# A body above this is hashed beside the event loop.
_LARGE = 1 << 16


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Verifies signatures with the wall's clock: a moved world does not disturb them."""

    principals: Principals
    sessions: Sessions
    wall: Clock
    regions: Collection[RegionName]

    async def authenticate(self, message: sigv4.Message, body: bytes, service: str, origin: Origin) -> Caller:
        """Return who signed the request. The Region of the signature is the one that the request is about.

        Raises a NotAuthenticated refusal that says what is wrong, and nothing of the secret.
        """
        signed = sigv4.parse(message)
        expected = {*self.regions, _GLOBAL_REGION} if service == "iam" else self.regions
        sigv4.require_scope(signed, service=service, regions=expected)
        region = RegionName(signed.scope.region)
        caller, secret = await self.principals.find(signed.access_key_id, replace(origin, region=region))
        await self._check_session(signed, caller)
        sigv4.verify(signed, secret, now=self.wall.now(), body_hash=await _hash(body))
        if service == "iam" and not may_call_iam(caller):
            raise CredentialsUnknown
        return caller

    async def knows_key_of(self, message: sigv4.Message, origin: Origin) -> bool:
        """Tell whether a request names an active key. It proves nothing: that takes the body."""
        try:
            await self.principals.find(sigv4.parse(message).access_key_id, origin)
        except NotAuthenticated:
            return False
        return True

    async def _check_session(self, signed: sigv4.SignedRequest, caller: Caller) -> None:
        """A session needs its token; a long-term key has none."""
        if (caller.session is None) != (signed.session_token is None):
            raise CredentialsUnknown
        if signed.session_token is not None:
            await self.sessions.check_token(signed.session_token, signed.access_key_id)


async def _hash(body: bytes) -> str:
    if len(body) <= _LARGE:
        return sha256(body).hexdigest()
    return await pools.MESSAGES.run(lambda: sha256(body).hexdigest())
