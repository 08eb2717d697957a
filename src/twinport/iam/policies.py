"""Operations on managed policies, and on the policies of users, groups and roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import encoded, page_of, paged, paged_whole, shown_tags, tag_page, tags_of
from twinport.identities.managed_policies import ManagedPolicies, Selection
from twinport.identities.principal_policies import PrincipalPolicies
from twinport.model.entities import ManagedPolicy, Page, PolicyUsage, PolicyVersion, PrincipalType

_USER, _GROUP, _ROLE = PrincipalType.USER, PrincipalType.GROUP, PrincipalType.ROLE


@dataclass(frozen=True, slots=True)
class ManagedPolicyOperations:
    policies: ManagedPolicies

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreatePolicy": self.create,
            "GetPolicy": self.get,
            "ListPolicies": self.list,
            "DeletePolicy": self.delete,
            "GetPolicyVersion": self.get_version,
            "ListPolicyVersions": self.list_versions,
            "CreatePolicyVersion": self.create_version,
            "SetDefaultPolicyVersion": self.set_default,
            "DeletePolicyVersion": self.delete_version,
            "ListEntitiesForPolicy": self.list_entities,
            "TagPolicy": self.tag,
            "UntagPolicy": self.untag,
            "ListPolicyTags": self.list_tags,
        }

    async def create(self, call: Call, request: iam.CreatePolicyRequest) -> iam.CreatePolicyResponse:
        made = await self.policies.create(
            call.caller,
            request["PolicyName"],
            request["PolicyDocument"],
            path=request.get("Path", "/"),
            description=request.get("Description"),
            tags=tags_of(request.get("Tags", ())),
        )
        shown = _shown(made)
        if made.tags:
            shown["Tags"] = shown_tags(made.tags)
        return {"Policy": shown}

    async def get(self, call: Call, request: iam.GetPolicyRequest) -> iam.GetPolicyResponse:
        found = await self.policies.get(call.caller, request["PolicyArn"])
        shown = _shown(found)
        if found.description is not None:
            shown["Description"] = found.description
        shown["Tags"] = shown_tags(found.tags)
        return {"Policy": shown}

    async def list(self, call: Call, request: iam.ListPoliciesRequest) -> iam.ListPoliciesResponse:
        page = page_of(request)
        scope = request.get("Scope", "All")
        selection = Selection(
            of_aws=scope != "Local",
            of_account=scope != "AWS",
            prefix=request.get("PathPrefix", "/"),
            only_attached=request.get("OnlyAttached", False),
            only_boundaries=request.get("PolicyUsageFilter") == "PermissionsBoundary",
        )
        found = await self.policies.list(call.caller, selection, page)
        items, paging = paged(found, page, lambda policy: policy.arn)
        return {"Policies": [_shown(each) for each in items], **paging}

    async def delete(self, call: Call, request: iam.DeletePolicyRequest) -> None:
        await self.policies.delete(call.caller, request["PolicyArn"])

    async def list_entities(
        self, call: Call, request: iam.ListEntitiesForPolicyRequest
    ) -> iam.ListEntitiesForPolicyResponse:
        page = page_of(request)
        usage = request.get("PolicyUsageFilter")
        users = await self.policies.used_by(call.caller, request["PolicyArn"], PolicyUsage(usage) if usage else None)
        wanted, prefix = request.get("EntityFilter", "").lower(), request.get("PathPrefix", "/")
        chosen = [each for each in users if each.path.startswith(prefix) and wanted in ("", each.kind.value)]
        items, paging = paged_whole(chosen, page, lambda each: f"{each.kind.value}/{each.name.lower()}")
        return {
            "PolicyGroups": [
                {"GroupName": each.name, "GroupId": each.unique_id} for each in items if each.kind is _GROUP
            ],
            "PolicyUsers": [{"UserName": it.name, "UserId": it.unique_id} for it in items if it.kind is _USER],
            "PolicyRoles": [{"RoleName": it.name, "RoleId": it.unique_id} for it in items if it.kind is _ROLE],
            **paging,
        }

    async def tag(self, call: Call, request: iam.TagPolicyRequest) -> None:
        await self.policies.tag(call.caller, request["PolicyArn"], tags_of(request["Tags"]))

    async def untag(self, call: Call, request: iam.UntagPolicyRequest) -> None:
        await self.policies.untag(call.caller, request["PolicyArn"], request["TagKeys"])

    async def list_tags(self, call: Call, request: iam.ListPolicyTagsRequest) -> iam.ListPolicyTagsResponse:
        page = page_of(request)
        tags = await self.policies.tags(call.caller, request["PolicyArn"])
        return tag_page(tags, page)

    async def get_version(self, call: Call, request: iam.GetPolicyVersionRequest) -> iam.GetPolicyVersionResponse:
        found = await self.policies.version(call.caller, request["PolicyArn"], request["VersionId"])
        return {"PolicyVersion": {"Document": encoded(found.document), **shown_version(found)}}

    async def list_versions(self, call: Call, request: iam.ListPolicyVersionsRequest) -> iam.ListPolicyVersionsResponse:
        page = page_of(request)
        versions = await self.policies.versions(call.caller, request["PolicyArn"])
        items, paging = paged_whole(versions, page, _newest_first)
        return {"Versions": [shown_version(each) for each in items], **paging}

    async def create_version(
        self, call: Call, request: iam.CreatePolicyVersionRequest
    ) -> iam.CreatePolicyVersionResponse:
        made = await self.policies.add_version(
            call.caller, request["PolicyArn"], request["PolicyDocument"], as_default=request.get("SetAsDefault", False)
        )
        return {"PolicyVersion": shown_version(made)}

    async def set_default(self, call: Call, request: iam.SetDefaultPolicyVersionRequest) -> None:
        await self.policies.set_default(call.caller, request["PolicyArn"], request["VersionId"])

    async def delete_version(self, call: Call, request: iam.DeletePolicyVersionRequest) -> None:
        await self.policies.remove_version(call.caller, request["PolicyArn"], request["VersionId"])


@dataclass(frozen=True, slots=True)
class InlinePolicyOperations:
    policies: PrincipalPolicies

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "PutUserPolicy": self.put_user_policy,
            "GetUserPolicy": self.get_user_policy,
            "DeleteUserPolicy": self.delete_user_policy,
            "ListUserPolicies": self.list_user_policies,
            "PutGroupPolicy": self.put_group_policy,
            "GetGroupPolicy": self.get_group_policy,
            "DeleteGroupPolicy": self.delete_group_policy,
            "ListGroupPolicies": self.list_group_policies,
            "PutRolePolicy": self.put_role_policy,
            "GetRolePolicy": self.get_role_policy,
            "DeleteRolePolicy": self.delete_role_policy,
            "ListRolePolicies": self.list_role_policies,
        }

    async def put_user_policy(self, call: Call, request: iam.PutUserPolicyRequest) -> None:
        owner, name, document = request["UserName"], request["PolicyName"], request["PolicyDocument"]
        await self.policies.put(call.caller, _USER, owner, name, document)

    async def put_group_policy(self, call: Call, request: iam.PutGroupPolicyRequest) -> None:
        owner, name, document = request["GroupName"], request["PolicyName"], request["PolicyDocument"]
        await self.policies.put(call.caller, _GROUP, owner, name, document)

    async def put_role_policy(self, call: Call, request: iam.PutRolePolicyRequest) -> None:
        owner, name, document = request["RoleName"], request["PolicyName"], request["PolicyDocument"]
        await self.policies.put(call.caller, _ROLE, owner, name, document)

    async def get_user_policy(self, call: Call, request: iam.GetUserPolicyRequest) -> iam.GetUserPolicyResponse:
        owner, name = request["UserName"], request["PolicyName"]
        document = await self.policies.get(call.caller, _USER, owner, name)
        return {"UserName": owner, "PolicyName": name, "PolicyDocument": encoded(document)}

    async def get_group_policy(self, call: Call, request: iam.GetGroupPolicyRequest) -> iam.GetGroupPolicyResponse:
        owner, name = request["GroupName"], request["PolicyName"]
        document = await self.policies.get(call.caller, _GROUP, owner, name)
        return {"GroupName": owner, "PolicyName": name, "PolicyDocument": encoded(document)}

    async def get_role_policy(self, call: Call, request: iam.GetRolePolicyRequest) -> iam.GetRolePolicyResponse:
        owner, name = request["RoleName"], request["PolicyName"]
        document = await self.policies.get(call.caller, _ROLE, owner, name)
        return {"RoleName": owner, "PolicyName": name, "PolicyDocument": encoded(document)}

    async def delete_user_policy(self, call: Call, request: iam.DeleteUserPolicyRequest) -> None:
        await self.policies.remove(call.caller, _USER, request["UserName"], request["PolicyName"])

    async def delete_group_policy(self, call: Call, request: iam.DeleteGroupPolicyRequest) -> None:
        await self.policies.remove(call.caller, _GROUP, request["GroupName"], request["PolicyName"])

    async def delete_role_policy(self, call: Call, request: iam.DeleteRolePolicyRequest) -> None:
        await self.policies.remove(call.caller, _ROLE, request["RoleName"], request["PolicyName"])

    async def list_user_policies(
        self, call: Call, request: iam.ListUserPoliciesRequest
    ) -> iam.ListUserPoliciesResponse:
        page = page_of(request)
        found = await self.policies.names(call.caller, _USER, request["UserName"], page)
        return _name_page(found, page)

    async def list_group_policies(
        self, call: Call, request: iam.ListGroupPoliciesRequest
    ) -> iam.ListGroupPoliciesResponse:
        page = page_of(request)
        found = await self.policies.names(call.caller, _GROUP, request["GroupName"], page)
        return _name_page(found, page)

    async def list_role_policies(
        self, call: Call, request: iam.ListRolePoliciesRequest
    ) -> iam.ListRolePoliciesResponse:
        page = page_of(request)
        found = await self.policies.names(call.caller, _ROLE, request["RoleName"], page)
        return _name_page(found, page)


@dataclass(frozen=True, slots=True)
class AttachedPolicyOperations:
    policies: PrincipalPolicies

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "AttachUserPolicy": self.attach_to_user,
            "DetachUserPolicy": self.detach_from_user,
            "ListAttachedUserPolicies": self.list_of_user,
            "AttachGroupPolicy": self.attach_to_group,
            "DetachGroupPolicy": self.detach_from_group,
            "ListAttachedGroupPolicies": self.list_of_group,
            "AttachRolePolicy": self.attach_to_role,
            "DetachRolePolicy": self.detach_from_role,
            "ListAttachedRolePolicies": self.list_of_role,
        }

    async def attach_to_user(self, call: Call, request: iam.AttachUserPolicyRequest) -> None:
        await self.policies.attach(call.caller, _USER, request["UserName"], request["PolicyArn"])

    async def attach_to_group(self, call: Call, request: iam.AttachGroupPolicyRequest) -> None:
        await self.policies.attach(call.caller, _GROUP, request["GroupName"], request["PolicyArn"])

    async def attach_to_role(self, call: Call, request: iam.AttachRolePolicyRequest) -> None:
        await self.policies.attach(call.caller, _ROLE, request["RoleName"], request["PolicyArn"])

    async def detach_from_user(self, call: Call, request: iam.DetachUserPolicyRequest) -> None:
        await self.policies.detach(call.caller, _USER, request["UserName"], request["PolicyArn"])

    async def detach_from_group(self, call: Call, request: iam.DetachGroupPolicyRequest) -> None:
        await self.policies.detach(call.caller, _GROUP, request["GroupName"], request["PolicyArn"])

    async def detach_from_role(self, call: Call, request: iam.DetachRolePolicyRequest) -> None:
        await self.policies.detach(call.caller, _ROLE, request["RoleName"], request["PolicyArn"])

    async def list_of_user(
        self, call: Call, request: iam.ListAttachedUserPoliciesRequest
    ) -> iam.ListAttachedUserPoliciesResponse:
        found = await self.policies.attached(call.caller, _USER, request["UserName"])
        return _attached_page(found, request)

    async def list_of_group(
        self, call: Call, request: iam.ListAttachedGroupPoliciesRequest
    ) -> iam.ListAttachedGroupPoliciesResponse:
        found = await self.policies.attached(call.caller, _GROUP, request["GroupName"])
        return _attached_page(found, request)

    async def list_of_role(
        self, call: Call, request: iam.ListAttachedRolePoliciesRequest
    ) -> iam.ListAttachedRolePoliciesResponse:
        found = await self.policies.attached(call.caller, _ROLE, request["RoleName"])
        return _attached_page(found, request)


def _name_page(found: Sequence[str], page: Page) -> iam.ListRolePoliciesResponse:
    items, paging = paged(found, page, str)
    return {"PolicyNames": list(items), **paging}


def attached_policy(arn: str) -> iam.AttachedPolicy:
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}


def _attached_page(
    found: list[str],
    request: iam.ListAttachedUserPoliciesRequest
    | iam.ListAttachedGroupPoliciesRequest
    | iam.ListAttachedRolePoliciesRequest,
) -> iam.ListAttachedRolePoliciesResponse:
    page = page_of(request)
    prefix = request.get("PathPrefix", "/")
    beneath = [arn for arn in found if _path(arn).startswith(prefix)]
    items, paging = paged_whole(beneath, page, str)
    policies = [attached_policy(arn) for arn in items]
    return {"AttachedPolicies": policies, **paging}


def _path(arn: str) -> str:
    """Return the path in a policy's ARN, from the first '/' to the last."""
    _, _, resource = arn.partition(":policy")
    return resource[: resource.rindex("/") + 1]


def _shown(policy: ManagedPolicy) -> iam.Policy:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.unique_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": policy.attachments,
        "PermissionsBoundaryUsageCount": policy.boundaries,
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }


def shown_version(version: PolicyVersion) -> iam.PolicyVersion:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.is_default,
        "CreateDate": version.created_at,
    }


def _newest_first(version: PolicyVersion) -> str:
    """A sort key that grows as the number falls."""
    return f"{10**9 - int(version.id.removeprefix('v')):010}"
