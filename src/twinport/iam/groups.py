"""Operations on groups and their members."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import page_of, paged
from twinport.iam.users import shown_user
from twinport.identities.groups import Groups
from twinport.model.entities import Group, Page


@dataclass(frozen=True, slots=True)
class GroupOperations:
    groups: Groups

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateGroup": self.create,
            "GetGroup": self.get,
            "ListGroups": self.list,
            "UpdateGroup": self.update,
            "DeleteGroup": self.delete,
            "AddUserToGroup": self.add_user,
            "RemoveUserFromGroup": self.remove_user,
            "ListGroupsForUser": self.list_of_user,
        }

    async def create(self, call: Call, request: iam.CreateGroupRequest) -> iam.CreateGroupResponse:
        made = await self.groups.create(call.caller, request["GroupName"], request.get("Path", "/"))
        return {"Group": shown_group(made)}

    async def get(self, call: Call, request: iam.GetGroupRequest) -> iam.GetGroupResponse:
        page = page_of(request)
        group, users = await self.groups.get(call.caller, request["GroupName"], page)
        items, paging = paged(users, page, lambda user: user.name.lower())
        return {"Group": shown_group(group), "Users": [shown_user(user) for user in items], **paging}

    async def list(self, call: Call, request: iam.ListGroupsRequest) -> iam.ListGroupsResponse:
        page = page_of(request)
        found = await self.groups.list(call.caller, request.get("PathPrefix", "/"), page)
        return _page(found, page)

    async def update(self, call: Call, request: iam.UpdateGroupRequest) -> None:
        await self.groups.rename(
            call.caller, request["GroupName"], new_name=request.get("NewGroupName"), new_path=request.get("NewPath")
        )

    async def delete(self, call: Call, request: iam.DeleteGroupRequest) -> None:
        await self.groups.delete(call.caller, request["GroupName"])

    async def add_user(self, call: Call, request: iam.AddUserToGroupRequest) -> None:
        await self.groups.add(call.caller, request["GroupName"], request["UserName"])

    async def remove_user(self, call: Call, request: iam.RemoveUserFromGroupRequest) -> None:
        await self.groups.remove(call.caller, request["GroupName"], request["UserName"])

    async def list_of_user(self, call: Call, request: iam.ListGroupsForUserRequest) -> iam.ListGroupsForUserResponse:
        page = page_of(request)
        found = await self.groups.of_user(call.caller, request["UserName"], page)
        return _page(found, page)


def _page(found: Sequence[Group], page: Page) -> iam.ListGroupsForUserResponse:
    items, paging = paged(found, page, lambda group: group.name.lower())
    return {"Groups": [shown_group(group) for group in items], **paging}


def shown_group(group: Group) -> iam.Group:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.unique_id,
        "Arn": group.arn,
        "CreateDate": group.created_at,
    }
