"""Operations on roles. The members of a role differ between operations, as in AWS's answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import (
    duration_of,
    encoded,
    page_of,
    paged,
    shown_boundary,
    shown_tags,
    tag_page,
    tags_of,
)
from twinport.identities.roles import NewRole, Roles
from twinport.model.entities import DEFAULT_SESSION, Role
from twinport.processes.pools import MESSAGES


@dataclass(frozen=True, slots=True)
class RoleOperations:
    roles: Roles

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateRole": self.create,
            "GetRole": self.get,
            "ListRoles": self.list,
            "UpdateRole": self.update,
            "UpdateRoleDescription": self.update_description,
            "UpdateAssumeRolePolicy": self.update_trust,
            "DeleteRole": self.delete,
            "TagRole": self.tag,
            "UntagRole": self.untag,
            "ListRoleTags": self.list_tags,
        }

    async def create(self, call: Call, request: iam.CreateRoleRequest) -> iam.CreateRoleResponse:
        document = request["AssumeRolePolicyDocument"]
        new = NewRole(
            name=request["RoleName"],
            path=request.get("Path", "/"),
            trust=document,
            description=request.get("Description"),
            max_session=duration_of(request.get("MaxSessionDuration")) or DEFAULT_SESSION,
            tags=tags_of(request.get("Tags", ())),
            boundary=request.get("PermissionsBoundary"),
        )
        return {"Role": created_role(await self.roles.create(call.caller, new), document)}

    async def get(self, call: Call, request: iam.GetRoleRequest) -> iam.GetRoleResponse:
        return {"Role": _whole_role(await self.roles.get(call.caller, request["RoleName"]))}

    async def list(self, call: Call, request: iam.ListRolesRequest) -> iam.ListRolesResponse:
        page = page_of(request)
        found = await self.roles.list(call.caller, request.get("PathPrefix", "/"), page)
        items, paging = paged(found, page, lambda role: role.name.lower())
        # Percent-encoding a thousand trust policies takes a while.
        roles = await MESSAGES.run(lambda: [_listed_role(role) for role in items])
        return {"Roles": roles, **paging}

    async def update(self, call: Call, request: iam.UpdateRoleRequest) -> iam.UpdateRoleResponse:
        longest = duration_of(request.get("MaxSessionDuration"))
        await self.roles.update(
            call.caller, request["RoleName"], description=request.get("Description"), max_session=longest
        )
        return {}

    async def update_description(
        self, call: Call, request: iam.UpdateRoleDescriptionRequest
    ) -> iam.UpdateRoleDescriptionResponse:
        role = await self.roles.change_description(call.caller, request["RoleName"], request["Description"])
        return {"Role": _whole_role(role)}

    async def update_trust(self, call: Call, request: iam.UpdateAssumeRolePolicyRequest) -> None:
        await self.roles.trust(call.caller, request["RoleName"], request["PolicyDocument"])

    async def delete(self, call: Call, request: iam.DeleteRoleRequest) -> None:
        await self.roles.delete(call.caller, request["RoleName"])

    # --- tags ---------------------------------------------------------------------------------------------

    async def tag(self, call: Call, request: iam.TagRoleRequest) -> None:
        await self.roles.tag(call.caller, request["RoleName"], tags_of(request["Tags"]))

    async def untag(self, call: Call, request: iam.UntagRoleRequest) -> None:
        await self.roles.untag(call.caller, request["RoleName"], request["TagKeys"])

    async def list_tags(self, call: Call, request: iam.ListRoleTagsRequest) -> iam.ListRoleTagsResponse:
        page = page_of(request)
        tags = await self.roles.tags(call.caller, request["RoleName"])
        return tag_page(tags, page)


def created_role(role: Role, document: str) -> iam.Role:
    """Return a new role for the answer: with the given trust document, and without facts of later use."""
    shown = bare_role(role, document)
    if role.description is not None:
        shown["Description"] = role.description
    if role.tags:
        shown["Tags"] = shown_tags(role.tags)
    if role.boundary is not None:
        shown["PermissionsBoundary"] = shown_boundary(role.boundary)
    return shown


def bare_role(role: Role, document: str) -> iam.Role:
    """Return the members of a role that are in every answer."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.unique_id,
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": encoded(document),
    }


def _listed_role(role: Role) -> iam.Role:
    shown = bare_role(role, role.trust)
    if role.description is not None:
        shown["Description"] = role.description
    shown["MaxSessionDuration"] = int(role.max_session.total_seconds())
    return shown


def _whole_role(role: Role) -> iam.Role:
    shown = _listed_role(role)
    if role.tags:
        shown["Tags"] = shown_tags(role.tags)
    if role.boundary is not None:
        shown["PermissionsBoundary"] = shown_boundary(role.boundary)
    shown["RoleLastUsed"] = shown_last_use(role)
    return shown


def shown_last_use(role: Role) -> iam.RoleLastUsed:
    if role.last_used_at is None or role.last_used_region is None:
        return {}
    return {"LastUsedDate": role.last_used_at, "Region": role.last_used_region}
