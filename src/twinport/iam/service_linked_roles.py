"""Operations on service-linked roles."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.roles import created_role
from twinport.identities.deletion import Deletions
from twinport.identities.service_linked_roles import SERVICES, ServiceLinkedRoles
from twinport.model.deletions import FailureReason


@dataclass(frozen=True, slots=True)
class ServiceLinkedRoleOperations:
    roles: ServiceLinkedRoles
    deletions: Deletions

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateServiceLinkedRole": self.create,
            "DeleteServiceLinkedRole": self.delete,
            "GetServiceLinkedRoleDeletionStatus": self.deletion_status,
        }

    async def create(
        self, call: Call, request: iam.CreateServiceLinkedRoleRequest
    ) -> iam.CreateServiceLinkedRoleResponse:
        service = request["AWSServiceName"]
        role = await self.roles.create(
            call.caller, service, description=request.get("Description"), suffix=request.get("CustomSuffix")
        )
        return {"Role": created_role(role, SERVICES[service].created_trust)}

    async def delete(
        self, call: Call, request: iam.DeleteServiceLinkedRoleRequest
    ) -> iam.DeleteServiceLinkedRoleResponse:
        return {"DeletionTaskId": (await self.deletions.submit(call.caller, request["RoleName"])).id}

    async def deletion_status(
        self, call: Call, request: iam.GetServiceLinkedRoleDeletionStatusRequest
    ) -> iam.GetServiceLinkedRoleDeletionStatusResponse:
        task = await self.deletions.status(call.caller, request["DeletionTaskId"])
        answer: iam.GetServiceLinkedRoleDeletionStatusResponse = {"Status": task.status.value}
        if task.reason is not None:
            answer["Reason"] = _shown(task.reason)
        return answer


def _shown(reason: FailureReason) -> iam.DeletionTaskFailureReasonType:
    usage: list[iam.RoleUsageType] = [
        {"Region": each.region, "Resources": list(each.resources)} for each in reason.usage
    ]
    return {"Reason": reason.text, "RoleUsageList": usage}
