"""Operations on a registry's account settings, and on the principals whose pulls are not noted."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import own_registry, page_of, paging
from twinport.registry.account_settings import AccountSettings
from twinport.registry.pull_time_exclusions import PullTimeExclusions


@dataclass(frozen=True, slots=True)
class AccountOperations:
    settings: AccountSettings
    exclusions: PullTimeExclusions

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "GetAccountSetting": self.get,
            "PutAccountSetting": self.put,
            "RegisterPullTimeUpdateExclusion": self.register,
            "DeregisterPullTimeUpdateExclusion": self.deregister,
            "ListPullTimeUpdateExclusions": self.list,
        }

    async def get(self, call: Call, request: ecr.GetAccountSettingRequest) -> ecr.GetAccountSettingResponse:
        name = request["name"]
        return {"name": name, "value": await self.settings.get(call.caller, own_registry(call), name)}

    async def put(self, call: Call, request: ecr.PutAccountSettingRequest) -> ecr.PutAccountSettingResponse:
        name, value = request["name"], request["value"]
        await self.settings.put(call.caller, own_registry(call), name, value)
        return {"name": name, "value": value}

    async def register(
        self, call: Call, request: ecr.RegisterPullTimeUpdateExclusionRequest
    ) -> ecr.RegisterPullTimeUpdateExclusionResponse:
        made = await self.exclusions.register(call.caller, own_registry(call), request["principalArn"])
        return {"principalArn": made.principal, "createdAt": made.created_at}

    async def deregister(
        self, call: Call, request: ecr.DeregisterPullTimeUpdateExclusionRequest
    ) -> ecr.DeregisterPullTimeUpdateExclusionResponse:
        await self.exclusions.deregister(call.caller, own_registry(call), request["principalArn"])
        return {"principalArn": request["principalArn"]}

    async def list(
        self, call: Call, request: ecr.ListPullTimeUpdateExclusionsRequest
    ) -> ecr.ListPullTimeUpdateExclusionsResponse:
        page = await self.exclusions.list(call.caller, own_registry(call), page_of(request))
        return {"pullTimeUpdateExclusions": list(page.items), **paging(page)}
