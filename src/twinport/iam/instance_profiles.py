"""Operations on instance profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import page_of, paged, shown_tags, tag_page, tags_of
from twinport.iam.roles import bare_role
from twinport.identities.instance_profiles import InstanceProfiles
from twinport.model.entities import InstanceProfile, Page


@dataclass(frozen=True, slots=True)
class InstanceProfileOperations:
    profiles: InstanceProfiles

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateInstanceProfile": self.create,
            "GetInstanceProfile": self.get,
            "ListInstanceProfiles": self.list,
            "ListInstanceProfilesForRole": self.list_of_role,
            "DeleteInstanceProfile": self.delete,
            "AddRoleToInstanceProfile": self.put_role,
            "RemoveRoleFromInstanceProfile": self.take_role,
            "TagInstanceProfile": self.tag,
            "UntagInstanceProfile": self.untag,
            "ListInstanceProfileTags": self.list_tags,
        }

    async def create(self, call: Call, request: iam.CreateInstanceProfileRequest) -> iam.CreateInstanceProfileResponse:
        made = await self.profiles.create(
            call.caller,
            request["InstanceProfileName"],
            path=request.get("Path", "/"),
            tags=tags_of(request.get("Tags", ())),
        )
        return {"InstanceProfile": _shown_whole(made)}

    async def get(self, call: Call, request: iam.GetInstanceProfileRequest) -> iam.GetInstanceProfileResponse:
        return {"InstanceProfile": _shown_whole(await self.profiles.get(call.caller, request["InstanceProfileName"]))}

    async def list(self, call: Call, request: iam.ListInstanceProfilesRequest) -> iam.ListInstanceProfilesResponse:
        page = page_of(request)
        return _page(await self.profiles.list(call.caller, request.get("PathPrefix", "/"), page), page)

    async def list_of_role(
        self, call: Call, request: iam.ListInstanceProfilesForRoleRequest
    ) -> iam.ListInstanceProfilesForRoleResponse:
        page = page_of(request)
        return _page(await self.profiles.of_role(call.caller, request["RoleName"], page), page)

    async def delete(self, call: Call, request: iam.DeleteInstanceProfileRequest) -> None:
        await self.profiles.delete(call.caller, request["InstanceProfileName"])

    async def put_role(self, call: Call, request: iam.AddRoleToInstanceProfileRequest) -> None:
        await self.profiles.put_role(call.caller, request["InstanceProfileName"], request["RoleName"])

    async def take_role(self, call: Call, request: iam.RemoveRoleFromInstanceProfileRequest) -> None:
        await self.profiles.take_role(call.caller, request["InstanceProfileName"], request["RoleName"])

    async def tag(self, call: Call, request: iam.TagInstanceProfileRequest) -> None:
        await self.profiles.tag(call.caller, request["InstanceProfileName"], tags_of(request["Tags"]))

    async def untag(self, call: Call, request: iam.UntagInstanceProfileRequest) -> None:
        await self.profiles.untag(call.caller, request["InstanceProfileName"], request["TagKeys"])

    async def list_tags(
        self, call: Call, request: iam.ListInstanceProfileTagsRequest
    ) -> iam.ListInstanceProfileTagsResponse:
        page = page_of(request)
        tags = await self.profiles.tags(call.caller, request["InstanceProfileName"])
        return tag_page(tags, page)


def shown_profile(profile: InstanceProfile) -> iam.InstanceProfile:
    """Return a profile as lists show it: without tags."""
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.unique_id,
        "Arn": profile.arn,
        "CreateDate": profile.created_at,
        "Roles": [] if profile.role is None else [bare_role(profile.role, profile.role.trust)],
    }


def _shown_whole(profile: InstanceProfile) -> iam.InstanceProfile:
    shown = shown_profile(profile)
    if profile.tags:
        shown["Tags"] = shown_tags(profile.tags)
    return shown


def _page(found: Sequence[InstanceProfile], page: Page) -> iam.ListInstanceProfilesForRoleResponse:
    items, paging = paged(found, page, lambda profile: profile.name.lower())
    return {"InstanceProfiles": [shown_profile(each) for each in items], **paging}
