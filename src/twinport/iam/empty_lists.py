"""Lists of credentials that no user can have here, since the operations that create them are refused.

Tools request these lists before they delete a user. An empty list is the true answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.identities.users import Users

_OF_A_USER = {
    "ListMFADevices": "MFADevices",
    "ListSSHPublicKeys": "SSHPublicKeys",
    "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
    "ListSigningCertificates": "Certificates",
}


@dataclass(frozen=True, slots=True)
class EmptyLists:
    users: Users

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            **{operation: self._of_user(operation, member) for operation, member in _OF_A_USER.items()},
            "ListVirtualMFADevices": self._virtual_devices,
        }

    def _of_user(self, operation: str, member: str) -> Handler[Call]:
        async def list_nothing(call: Call, request: Mapping[str, Any]) -> Mapping[str, object]:
            await self.users.expect(call.caller, f"iam:{operation}", request.get("UserName"))
            return {member: [], "IsTruncated": False}

        return list_nothing

    async def _virtual_devices(self, call: Call, _: Mapping[str, Any]) -> Mapping[str, object]:
        await self.users.expect_virtual_devices(call.caller)
        return {"VirtualMFADevices": [], "IsTruncated": False}
