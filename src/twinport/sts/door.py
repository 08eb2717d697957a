"""The STS API: a table from each operation to what it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from twinport.access.assumptions import AssumedRole, Wish
from twinport.access.calls import Call
from twinport.access.trust import RoleName
from twinport.aws.dispatch import Handler
from twinport.aws.protocols import WireError
from twinport.aws.types import sts
from twinport.errors import Refusal
from twinport.model.entities import Tag
from twinport.model.identities import Caller
from twinport.refusals.identities import (
    PolicyMalformed,
    PolicyNotThere,
    RootMayNotAssume,
    SessionPoliciesTooLarge,
    SessionTagsInvalid,
)
from twinport.refusals.requests import NotBuiltYet

ERRORS: Mapping[type[Refusal], WireError] = {
    PolicyMalformed: WireError("MalformedPolicyDocument"),
    PolicyNotThere: WireError("ValidationError"),
    RootMayNotAssume: WireError("AccessDenied", 403),
    SessionTagsInvalid: WireError("InvalidParameterValue"),
    SessionPoliciesTooLarge: WireError("PackedPolicyTooLarge"),
}
# Of the members of AssumeRole; the others are refused until they are honoured.
_HONOURED = frozenset(
    {
        "RoleArn",
        "RoleSessionName",
        "DurationSeconds",
        "Policy",
        "PolicyArns",
        "ExternalId",
        "Tags",
        "TransitiveTagKeys",
        "SourceIdentity",
    }
)


class Assumptions(Protocol):
    async def assume(self, caller: Caller, wish: Wish) -> AssumedRole:
        """Issue a session of a role, or refuse: access.assumptions.Assumptions."""
        ...


def handlers(assumptions: Assumptions) -> Mapping[str, Handler[Call]]:
    """Return the operations that are built. Every other one of the model is refused by name."""
    operations = _Operations(assumptions)
    return {"AssumeRole": operations.assume_role, "GetCallerIdentity": operations.get_caller_identity}


@dataclass(frozen=True, slots=True)
class _Operations:
    assumptions: Assumptions

    async def assume_role(self, call: Call, request: sts.AssumeRoleRequest) -> sts.AssumeRoleResponse:
        wish = _wish(request)
        assumed = await self.assumptions.assume(call.caller, wish)
        credentials = assumed.credentials
        answer: sts.AssumeRoleResponse = {
            "Credentials": {
                "AccessKeyId": credentials.access_key_id,
                "SecretAccessKey": credentials.secret,
                "SessionToken": credentials.token,
                "Expiration": credentials.expires_at,
            },
            "AssumedRoleUser": {"AssumedRoleId": assumed.id, "Arn": assumed.arn},
        }
        if assumed.source_identity is not None:
            answer["SourceIdentity"] = assumed.source_identity
        if wish.packed_percent is not None:
            answer["PackedPolicySize"] = wish.packed_percent
        return answer

    async def get_caller_identity(self, call: Call, _: sts.GetCallerIdentityRequest) -> sts.GetCallerIdentityResponse:
        """Answer everybody who signs: no permission is asked for, and no policy can forbid it."""
        caller = call.caller
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


def _wish(request: sts.AssumeRoleRequest) -> Wish:
    if others := sorted(request.keys() - _HONOURED):
        raise NotBuiltYet(f"{', '.join(others)} of AssumeRole")
    seconds = request.get("DurationSeconds")
    return Wish(
        role=RoleName.parse(request["RoleArn"]),
        session=request["RoleSessionName"],
        length=None if seconds is None else timedelta(seconds=seconds),
        policy=request.get("Policy"),
        policy_arns=tuple(named["arn"] for named in request.get("PolicyArns", []) if "arn" in named),
        external_id=request.get("ExternalId"),
        tags=tuple(Tag(each["Key"], each["Value"]) for each in request.get("Tags", [])),
        transitive=tuple(request.get("TransitiveTagKeys", [])),
        source_identity=request.get("SourceIdentity"),
    )
