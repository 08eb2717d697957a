"""Operations that give a user or root temporary credentials in its own name, or for a federated user."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from twinport.access.calls import Call
from twinport.access.sessions import Credentials
from twinport.aws.dispatch import Handler
from twinport.aws.types import sts
from twinport.identities.own_sessions import FederatedUser, FederationWish
from twinport.model.identities import Caller
from twinport.sts.requests import length_of, only, policies_of, shown_credentials, tags_of


class OwnSessions(Protocol):
    async def begin(self, caller: Caller, length: timedelta | None) -> Credentials:
        """Issue a session of the caller itself: access.own_sessions.OwnSessions."""
        ...

    async def federate(self, caller: Caller, wish: FederationWish) -> FederatedUser:
        """Issue a session for a federated user, or refuse: access.own_sessions.OwnSessions."""
        ...


@dataclass(frozen=True, slots=True)
class UserOperations:
    sessions: OwnSessions

    def table(self) -> Mapping[str, Handler[Call]]:
        return {"GetSessionToken": self.get_session_token, "GetFederationToken": self.get_federation_token}

    async def get_session_token(self, call: Call, request: sts.GetSessionTokenRequest) -> sts.GetSessionTokenResponse:
        # MFA devices are not implemented, so a code from one is refused and never accepted.
        only("GetSessionToken", request, ("DurationSeconds",))
        credentials = await self.sessions.begin(call.caller, length_of(request.get("DurationSeconds")))
        return {"Credentials": shown_credentials(credentials)}

    async def get_federation_token(
        self, call: Call, request: sts.GetFederationTokenRequest
    ) -> sts.GetFederationTokenResponse:
        only("GetFederationToken", request, ("Name", "DurationSeconds", "Policy", "PolicyArns", "Tags"))
        wish = FederationWish(
            name=request["Name"],
            length=length_of(request.get("DurationSeconds")),
            policies=policies_of(request.get("Policy"), request.get("PolicyArns", [])),
            tags=tags_of(request.get("Tags", [])),
        )
        federated = await self.sessions.federate(call.caller, wish)
        return {
            "Credentials": shown_credentials(federated.credentials),
            "FederatedUser": {"FederatedUserId": federated.id, "Arn": federated.arn},
            "PackedPolicySize": wish.packed_percent,
        }
