"""Operations on users and their access keys."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import page_of, paged, paged_whole, shown_boundary, shown_tags, tag_page, tags_of
from twinport.identities.access_keys import AccessKeys
from twinport.identities.users import Users
from twinport.model.entities import AccessKey, KeyStatus, Use, User
from twinport.model.names import root_arn
from twinport.refusals.identities import InvalidInput

_NEVER = "N/A"


@dataclass(frozen=True, slots=True)
class UserOperations:
    users: Users

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateUser": self.create,
            "GetUser": self.get,
            "ListUsers": self.list,
            "UpdateUser": self.update,
            "DeleteUser": self.delete,
            "TagUser": self.tag,
            "UntagUser": self.untag,
            "ListUserTags": self.list_tags,
        }

    async def create(self, call: Call, request: iam.CreateUserRequest) -> iam.CreateUserResponse:
        tags = tags_of(request.get("Tags", ()))
        user = await self.users.create(
            call.caller,
            request["UserName"],
            path=request.get("Path", "/"),
            tags=tags,
            boundary=request.get("PermissionsBoundary"),
        )
        return {"User": _shown_whole(user)}

    async def get(self, call: Call, request: iam.GetUserRequest) -> iam.GetUserResponse:
        return {"User": _shown_whole(await self.users.get(call.caller, request.get("UserName")))}

    async def list(self, call: Call, request: iam.ListUsersRequest) -> iam.ListUsersResponse:
        page = page_of(request)
        found = await self.users.list(call.caller, request.get("PathPrefix", "/"), page)
        items, paging = paged(found, page, lambda user: user.name.lower())
        return {"Users": [_listed(user) for user in items], **paging}

    async def update(self, call: Call, request: iam.UpdateUserRequest) -> None:
        await self.users.rename(
            call.caller, request["UserName"], new_name=request.get("NewUserName"), new_path=request.get("NewPath")
        )

    async def delete(self, call: Call, request: iam.DeleteUserRequest) -> None:
        await self.users.delete(call.caller, request["UserName"])

    async def tag(self, call: Call, request: iam.TagUserRequest) -> None:
        await self.users.tag(call.caller, request["UserName"], tags_of(request["Tags"]))

    async def untag(self, call: Call, request: iam.UntagUserRequest) -> None:
        await self.users.untag(call.caller, request["UserName"], request["TagKeys"])

    async def list_tags(self, call: Call, request: iam.ListUserTagsRequest) -> iam.ListUserTagsResponse:
        page = page_of(request)
        tags = await self.users.tags(call.caller, request["UserName"])
        return tag_page(tags, page)


@dataclass(frozen=True, slots=True)
class AccessKeyOperations:
    keys: AccessKeys

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateAccessKey": self.create,
            "ListAccessKeys": self.list,
            "UpdateAccessKey": self.update,
            "DeleteAccessKey": self.delete,
            "GetAccessKeyLastUsed": self.last_use,
        }

    async def create(self, call: Call, request: iam.CreateAccessKeyRequest) -> iam.CreateAccessKeyResponse:
        made = await self.keys.create(call.caller, request.get("UserName"))
        answer: iam.AccessKey = {
            "UserName": made.user or "",
            "AccessKeyId": made.key.id,
            "Status": made.key.status.value,
            "SecretAccessKey": made.secret,
            "CreateDate": made.key.created_at,
        }
        return {"AccessKey": answer}

    async def list(self, call: Call, request: iam.ListAccessKeysRequest) -> iam.ListAccessKeysResponse:
        page = page_of(request)
        user, keys = await self.keys.list(call.caller, request.get("UserName"))
        items, paging = paged_whole(keys, page, lambda key: key.id)
        return {
            "AccessKeyMetadata": [_shown_key(user, key) for key in items],
            **paging,
        }

    async def update(self, call: Call, request: iam.UpdateAccessKeyRequest) -> None:
        await self.keys.set_status(
            call.caller, request.get("UserName"), request["AccessKeyId"], _status_of(request["Status"])
        )

    async def delete(self, call: Call, request: iam.DeleteAccessKeyRequest) -> None:
        await self.keys.delete(call.caller, request.get("UserName"), request["AccessKeyId"])

    async def last_use(self, call: Call, request: iam.GetAccessKeyLastUsedRequest) -> iam.GetAccessKeyLastUsedResponse:
        user, use = await self.keys.last_use(call.caller, request["AccessKeyId"])
        answer: iam.GetAccessKeyLastUsedResponse = {"AccessKeyLastUsed": _shown_use(use)}
        if user is not None:
            answer["UserName"] = user
        return answer


def shown_user(user: User) -> iam.User:
    """Return a user for an answer. The root has no name, so its own ARN is shown."""
    is_root = user.unique_id == user.account
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.unique_id,
        "Arn": root_arn(user.account) if is_root else user.arn,
        "CreateDate": user.created_at,
    }


def _shown_use(use: Use | None) -> iam.AccessKeyLastUsed:
    if use is None:
        return {"ServiceName": _NEVER, "Region": _NEVER}
    return {"LastUsedDate": use.at, "ServiceName": use.service, "Region": use.region}


def _status_of(text: str) -> KeyStatus:
    """Parse a status that a client may set. The model has `Expired` too, which clients may not set."""
    for status in KeyStatus:
        if text == status.value:
            return status
    raise InvalidInput(f"an access key cannot be made '{text}'; use Active or Inactive")


def _listed(user: User) -> iam.User:
    """Return a user with its last password use. Answers that list or read users have it; a group's members do not."""
    shown = shown_user(user)
    if user.password_last_used_at is not None:
        shown["PasswordLastUsed"] = user.password_last_used_at
    return shown


def _shown_whole(user: User) -> iam.User:
    shown = _listed(user)
    if user.tags:
        shown["Tags"] = shown_tags(user.tags)
    if user.boundary is not None:
        shown["PermissionsBoundary"] = shown_boundary(user.boundary)
    return shown


def _shown_key(user: str | None, key: AccessKey) -> iam.AccessKeyMetadata:
    shown: iam.AccessKeyMetadata = {
        "AccessKeyId": key.id,
        "Status": key.status.value,
        "CreateDate": key.created_at,
    }
    if user is not None:
        shown["UserName"] = user
    return shown
