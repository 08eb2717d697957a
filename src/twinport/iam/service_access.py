"""Operations that report which services an entity may call, and when it last called each."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import page_from, page_of, paged_whole
from twinport.identities.entity_policies import HeldPolicy
from twinport.identities.service_access import SERVICES, Access, ServiceAccess
from twinport.refusals.requests import NotBuiltYet


@dataclass(frozen=True, slots=True)
class ServiceAccessOperations:
    access: ServiceAccess

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "GenerateServiceLastAccessedDetails": self.ask,
            "GetServiceLastAccessedDetails": self.tell,
            "ListPoliciesGrantingServiceAccess": self.list_granting,
        }

    async def ask(
        self, call: Call, request: iam.GenerateServiceLastAccessedDetailsRequest
    ) -> iam.GenerateServiceLastAccessedDetailsResponse:
        if request.get("Granularity", "SERVICE_LEVEL") != "SERVICE_LEVEL":
            raise NotBuiltYet("Granularity ACTION_LEVEL of GenerateServiceLastAccessedDetails")
        return {"JobId": await self.access.ask(call.caller, request["Arn"])}

    async def tell(
        self, call: Call, request: iam.GetServiceLastAccessedDetailsRequest
    ) -> iam.GetServiceLastAccessedDetailsResponse:
        page = page_of(request)
        asked_at, told = await self.access.told(call.caller, request["JobId"])
        items, paging = paged_whole(told, page, lambda each: each.namespace)
        answer: iam.GetServiceLastAccessedDetailsResponse = {
            "JobStatus": "COMPLETED",
            "JobType": "SERVICE_LEVEL",
            "JobCreationDate": asked_at,
            "JobCompletionDate": asked_at,
            "ServicesLastAccessed": [_shown(each) for each in items],
        }
        return {**answer, **paging}

    async def list_granting(
        self, call: Call, request: iam.ListPoliciesGrantingServiceAccessRequest
    ) -> iam.ListPoliciesGrantingServiceAccessResponse:
        page = page_from(request.get("Marker"), None)
        found = await self.access.granting(call.caller, request["Arn"], request["ServiceNamespaces"])
        items, paging = paged_whole(sorted(found), page, str)
        return {
            "PoliciesGrantingServiceAccess": [
                {"ServiceNamespace": name, "Policies": [_granting(policy) for policy in found[name]]} for name in items
            ],
            **paging,
        }


def _shown(access: Access) -> iam.ServiceLastAccessed:
    shown: iam.ServiceLastAccessed = {
        "ServiceName": SERVICES[access.namespace],
        "ServiceNamespace": access.namespace,
        "TotalAuthenticatedEntities": access.callers,
    }
    if access.use is not None and access.entity is not None:
        shown["LastAuthenticated"] = access.use.at
        shown["LastAuthenticatedEntity"] = access.entity
        shown["LastAuthenticatedRegion"] = access.use.region
    return shown


def _granting(policy: HeldPolicy) -> iam.PolicyGrantingServiceAccess:
    if policy.arn is not None:
        return {"PolicyName": policy.name, "PolicyType": "MANAGED", "PolicyArn": policy.arn}
    return {
        "PolicyName": policy.name,
        "PolicyType": "INLINE",
        "EntityType": type(policy.owner).__name__.upper(),
        "EntityName": policy.owner.name,
    }
