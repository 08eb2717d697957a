"""Operations that issue sessions of roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from twinport.access.calls import Call
from twinport.access.role_sessions import AssumedRole
from twinport.access.trust import RoleName
from twinport.aws.dispatch import Handler
from twinport.aws.types import sts
from twinport.identities.assumptions import Wish
from twinport.identities.web_identities import AssumedByWeb, WebWish
from twinport.model.identities import Caller, Origin
from twinport.sts.requests import length_of, only, policies_of, shown_credentials, tags_of

_HONORED = (
    "RoleArn",
    "RoleSessionName",
    "DurationSeconds",
    "Policy",
    "PolicyArns",
    "ExternalId",
    "Tags",
    "TransitiveTagKeys",
    "SourceIdentity",
)


# A provider's id is for tokens of OAuth 2.0, which are not accepted.
_HONORED_OF_WEB = ("RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds", "Policy", "PolicyArns")


class Assumptions(Protocol):
    async def assume(self, caller: Caller, wish: Wish) -> AssumedRole:
        """Issue a session of a role, or refuse: access.assumptions.Assumptions."""
        ...


class WebIdentities(Protocol):
    async def assume(self, origin: Origin, wish: WebWish) -> AssumedByWeb:
        """Issue a session of a role to a token's subject, or refuse: access.web_identities.WebIdentities."""
        ...


@dataclass(frozen=True, slots=True)
class RoleOperations:
    assumptions: Assumptions
    web_identities: WebIdentities

    def table(self) -> Mapping[str, Handler[Call]]:
        return {"AssumeRole": self.assume, "AssumeRoleWithWebIdentity": self.assume_with_web_identity}

    async def assume(self, call: Call, request: sts.AssumeRoleRequest) -> sts.AssumeRoleResponse:
        only("AssumeRole", request, _HONORED)
        wish = _wish(request)
        assumed = await self.assumptions.assume(call.caller, wish)
        answer: sts.AssumeRoleResponse = {
            "Credentials": shown_credentials(assumed.credentials),
            "AssumedRoleUser": {"AssumedRoleId": assumed.id, "Arn": assumed.arn},
        }
        if assumed.source_identity is not None:
            answer["SourceIdentity"] = assumed.source_identity
        if wish.packed_percent:
            answer["PackedPolicySize"] = wish.packed_percent
        return answer

    async def assume_with_web_identity(
        self, call: Call, request: sts.AssumeRoleWithWebIdentityRequest
    ) -> sts.AssumeRoleWithWebIdentityResponse:
        only("AssumeRoleWithWebIdentity", request, _HONORED_OF_WEB)
        wish = WebWish(
            role=RoleName.parse(request["RoleArn"]),
            session=request["RoleSessionName"],
            token=request["WebIdentityToken"],
            length=length_of(request.get("DurationSeconds")),
            policies=policies_of(request.get("Policy"), request.get("PolicyArns", [])),
        )
        granted = await self.web_identities.assume(call.caller.origin, wish)
        answer: sts.AssumeRoleWithWebIdentityResponse = {
            "Credentials": shown_credentials(granted.assumed.credentials),
            "SubjectFromWebIdentityToken": granted.subject,
            "AssumedRoleUser": {"AssumedRoleId": granted.assumed.id, "Arn": granted.assumed.arn},
            "Provider": granted.provider,
            "Audience": granted.audience,
        }
        if granted.assumed.source_identity is not None:
            answer["SourceIdentity"] = granted.assumed.source_identity
        if granted.packed_percent:
            answer["PackedPolicySize"] = granted.packed_percent
        return answer


def _wish(request: sts.AssumeRoleRequest) -> Wish:
    return Wish(
        role=RoleName.parse(request["RoleArn"]),
        session=request["RoleSessionName"],
        length=length_of(request.get("DurationSeconds")),
        policies=policies_of(request.get("Policy"), request.get("PolicyArns", [])),
        external_id=request.get("ExternalId"),
        tags=tags_of(request.get("Tags", [])),
        transitive=tuple(request.get("TransitiveTagKeys", [])),
        source_identity=request.get("SourceIdentity"),
    )
