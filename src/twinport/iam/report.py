"""The report of an account, GetAccountAuthorizationDetails, with every policy document in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.groups import shown_group
from twinport.iam.instance_profiles import shown_profile
from twinport.iam.policies import attached_policy, shown_version
from twinport.iam.requests import encoded, page_of, paging_after, shown_boundary, shown_tags
from twinport.iam.roles import bare_role, shown_last_use
from twinport.identities.account_report import AccountReport, Report
from twinport.model.details import DetailKind, GroupDetail, Policies, PolicyDetail, RoleDetail, UserDetail
from twinport.processes.pools import MESSAGES


@dataclass(frozen=True, slots=True)
class ReportOperations:
    report: AccountReport

    def table(self) -> Mapping[str, Handler[Call]]:
        return {"GetAccountAuthorizationDetails": self.details}

    async def details(
        self, call: Call, request: iam.GetAccountAuthorizationDetailsRequest
    ) -> iam.GetAccountAuthorizationDetailsResponse:
        page = page_of(request)
        kinds = [DetailKind(word) for word in request.get("Filter") or ()] or list(DetailKind)
        report = await self.report.page(call.caller, kinds, page)
        # Percent-encoding a thousand policies takes a while.
        return await MESSAGES.run(lambda: _shown(report))


def _shown(report: Report) -> iam.GetAccountAuthorizationDetailsResponse:
    return {
        "UserDetailList": [_user(each) for each in report.details if isinstance(each, UserDetail)],
        "GroupDetailList": [_group(each) for each in report.details if isinstance(each, GroupDetail)],
        "RoleDetailList": [_role(each) for each in report.details if isinstance(each, RoleDetail)],
        "Policies": [_policy(each) for each in report.details if isinstance(each, PolicyDetail)],
        **paging_after(report.continued_after),
    }


def _user(detail: UserDetail) -> iam.UserDetail:
    user = detail.user
    shown: iam.UserDetail = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.unique_id,
        "Arn": user.arn,
        "CreateDate": user.created_at,
        "GroupList": list(detail.groups),
        "AttachedManagedPolicies": [attached_policy(arn) for arn in detail.policies.attached],
        "Tags": shown_tags(user.tags),
    }
    if detail.policies.inline:
        shown["UserPolicyList"] = _inline(detail.policies)
    if user.boundary is not None:
        shown["PermissionsBoundary"] = shown_boundary(user.boundary)
    return shown


def _group(detail: GroupDetail) -> iam.GroupDetail:
    attached = [attached_policy(arn) for arn in detail.policies.attached]
    return {
        **shown_group(detail.group),
        "GroupPolicyList": _inline(detail.policies),
        "AttachedManagedPolicies": attached,
    }


def _role(detail: RoleDetail) -> iam.RoleDetail:
    role = detail.role
    bare = bare_role(role, role.trust)
    shown: iam.RoleDetail = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.unique_id,
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": bare["AssumeRolePolicyDocument"],
        "InstanceProfileList": [shown_profile(each) for each in detail.instance_profiles],
        "RolePolicyList": _inline(detail.policies),
        "AttachedManagedPolicies": [attached_policy(arn) for arn in detail.policies.attached],
        "Tags": shown_tags(role.tags),
        "RoleLastUsed": shown_last_use(role),
    }
    if role.boundary is not None:
        shown["PermissionsBoundary"] = shown_boundary(role.boundary)
    return shown


def _policy(detail: PolicyDetail) -> iam.ManagedPolicyDetail:
    policy = detail.policy
    shown: iam.ManagedPolicyDetail = {
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
        "PolicyVersionList": [{"Document": encoded(each.document), **shown_version(each)} for each in detail.versions],
    }
    if policy.description is not None:
        shown["Description"] = policy.description
    return shown


def _inline(policies: Policies) -> list[iam.PolicyDetail]:
    return [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in policies.inline]
