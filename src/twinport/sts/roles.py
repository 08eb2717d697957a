"""Operations that issue sessions of roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from twinport.access.assumptions import AssumedRole, Wish
from twinport.access.calls import Call
from twinport.access.trust import RoleName
from twinport.aws.dispatch import Handler
from twinport.aws.types import sts
from twinport.model.identities import Caller
from twinport.sts.requests import length_of, only, policies_of, shown_credentials, tags_of

_HONOURED = (
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


class Assumptions(Protocol):
    async def assume(self, caller: Caller, wish: Wish) -> AssumedRole:
        """Issue a session of a role, or refuse: access.assumptions.Assumptions."""
        ...


@dataclass(frozen=True, slots=True)
class RoleOperations:
    assumptions: Assumptions

    def table(self) -> Mapping[str, Handler[Call]]:
        return {"AssumeRole": self.assume}

    async def assume(self, call: Call, request: sts.AssumeRoleRequest) -> sts.AssumeRoleResponse:
        only("AssumeRole", request, _HONOURED)
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
