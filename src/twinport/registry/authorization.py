"""Tokens for the registry protocol, for callers that the gate allows to have one."""

from dataclasses import dataclass
from datetime import datetime

from twinport.access.gate import AnyResource, Gate
from twinport.access.tokens import RegistryTokens
from twinport.model.identities import Caller


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """The password of user `AWS`."""

    password: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Authorization:
    gate: Gate
    tokens: RegistryTokens

    async def issue(self, caller: Caller) -> IssuedToken:
        """Return a token that stands for the caller, in the Region of the call."""
        await self.gate.authorize(
            caller, "ecr:GetAuthorizationToken", AnyResource(caller.account, caller.origin.region)
        )
        return IssuedToken(*await self.tokens.issue(caller))
