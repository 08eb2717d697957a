"""Operations on permissions boundaries."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.identities.boundaries import Boundaries
from twinport.model.entities import PrincipalType

_USER, _ROLE = PrincipalType.USER, PrincipalType.ROLE


@dataclass(frozen=True, slots=True)
class BoundaryOperations:
    boundaries: Boundaries

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "PutUserPermissionsBoundary": self.put_on_user,
            "DeleteUserPermissionsBoundary": self.delete_from_user,
            "PutRolePermissionsBoundary": self.put_on_role,
            "DeleteRolePermissionsBoundary": self.delete_from_role,
        }

    async def put_on_user(self, call: Call, request: iam.PutUserPermissionsBoundaryRequest) -> None:
        await self.boundaries.put(call.caller, _USER, request["UserName"], request["PermissionsBoundary"])

    async def delete_from_user(self, call: Call, request: iam.DeleteUserPermissionsBoundaryRequest) -> None:
        await self.boundaries.remove(call.caller, _USER, request["UserName"])

    async def put_on_role(self, call: Call, request: iam.PutRolePermissionsBoundaryRequest) -> None:
        await self.boundaries.put(call.caller, _ROLE, request["RoleName"], request["PermissionsBoundary"])

    async def delete_from_role(self, call: Call, request: iam.DeleteRolePermissionsBoundaryRequest) -> None:
        await self.boundaries.remove(call.caller, _ROLE, request["RoleName"])
