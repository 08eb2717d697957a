"""Access keys as user and password of the registry protocol, where the operator allows that (`basic_access_keys`)."""

import hmac
from dataclasses import dataclass, replace

from twinport.access.gate import AnyResource, Gate
from twinport.access.principals import Principals
from twinport.access.tokens import TOKEN_USER, RegistryTokens, basic_credentials
from twinport.errors import NotAuthenticated
from twinport.http import access_log
from twinport.model.identities import Caller, Origin
from twinport.model.names import RegionName, Registry
from twinport.processes import pools
from twinport.refusals.callers import RegistryTokenInvalid

ISSUE_TOKEN = "ecr:GetAuthorizationToken"  # noqa: S105 — an action, no secret


@dataclass(frozen=True, slots=True)
class BasicKeys:
    """Opens `Authorization` headers as `RegistryTokens` does, and those with a permanent access key too.

    A key grants what a token of its owner would grant: an owner that may not get a token may not use its key here.
    `home` is the Region of callers whose address names none. Keys of sessions are refused, since their session token
    would be missing.
    """

    tokens: RegistryTokens
    principals: Principals
    gate: Gate
    home: RegionName

    async def open(self, authorization: str | None, origin: Origin, only_region: RegionName | None) -> Caller:
        """As `RegistryTokens.open`. Raises AccessDenied too."""
        user, password = basic_credentials(authorization)
        if user == TOKEN_USER:
            return await self.tokens.open(authorization, origin, only_region)
        caller = await self._holder(user, password, replace(origin, region=only_region or self.home))
        await self.gate.authorize(caller, ISSUE_TOKEN, AnyResource(caller.account, caller.origin.region))
        return caller

    def remembered(self, authorization: str | None) -> Registry | None:
        """As `RegistryTokens.remembered`, of clients with tokens alone."""
        return self.tokens.remembered(authorization)

    async def _holder(self, access_key_id: str, secret: str, origin: Origin) -> Caller:
        try:
            caller, expected = await self.principals.find(access_key_id, origin)
        except NotAuthenticated:
            raise RegistryTokenInvalid from None
        if caller.session is not None or not hmac.compare_digest(secret.encode(), expected.encode()):
            raise RegistryTokenInvalid
        access_log.note_caller(caller.arn)
        pools.PARTY.set(caller.account)
        return caller
