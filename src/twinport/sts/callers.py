"""Operations about the caller's identity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import sts
from twinport.model.identities import Caller
from twinport.model.names import AccountId


class KeyOwners(Protocol):
    async def account_of(self, caller: Caller, access_key_id: str) -> AccountId:
        """Return the account of a key, or refuse: access.key_owners.KeyOwners."""
        ...


class Decoding(Protocol):
    async def decode(self, caller: Caller, encoded: str) -> str:
        """Return an encoded message as JSON, or refuse: access.authorization_messages.Decoding."""
        ...


@dataclass(frozen=True, slots=True)
class CallerOperations:
    key_owners: KeyOwners
    decoding: Decoding

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "GetCallerIdentity": self.get_caller_identity,
            "GetAccessKeyInfo": self.get_key_account,
            "DecodeAuthorizationMessage": self.decode,
        }

    async def get_caller_identity(self, call: Call, _: sts.GetCallerIdentityRequest) -> sts.GetCallerIdentityResponse:
        """Answer every caller with a valid signature. The call needs no permission, and no policy can forbid it."""
        caller = call.caller
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

    async def get_key_account(self, call: Call, request: sts.GetAccessKeyInfoRequest) -> sts.GetAccessKeyInfoResponse:
        return {"Account": await self.key_owners.account_of(call.caller, request["AccessKeyId"])}

    async def decode(
        self, call: Call, request: sts.DecodeAuthorizationMessageRequest
    ) -> sts.DecodeAuthorizationMessageResponse:
        return {"DecodedMessage": await self.decoding.decode(call.caller, request["EncodedMessage"])}
