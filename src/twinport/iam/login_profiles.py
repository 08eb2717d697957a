"""Operations on the passwords with which users sign in to the console."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.identities.login_profiles import LoginProfiles, Profile
from twinport.refusals.identities import InvalidInput
from twinport.refusals.requests import NotBuiltYet


@dataclass(frozen=True, slots=True)
class LoginProfileOperations:
    profiles: LoginProfiles

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateLoginProfile": self.create,
            "GetLoginProfile": self.get,
            "UpdateLoginProfile": self.update,
            "DeleteLoginProfile": self.delete,
        }

    async def create(self, call: Call, request: iam.CreateLoginProfileRequest) -> iam.CreateLoginProfileResponse:
        _refuse_reset(request.get("PasswordResetRequired"))
        password = request.get("Password")
        if password is None:
            raise InvalidInput("a login profile needs a Password")
        profile = await self.profiles.create(call.caller, request.get("UserName"), password)
        return {"LoginProfile": _shown(profile)}

    async def get(self, call: Call, request: iam.GetLoginProfileRequest) -> iam.GetLoginProfileResponse:
        return {"LoginProfile": _shown(await self.profiles.get(call.caller, request.get("UserName")))}

    async def update(self, call: Call, request: iam.UpdateLoginProfileRequest) -> None:
        _refuse_reset(request.get("PasswordResetRequired"))
        await self.profiles.update(call.caller, request["UserName"], request.get("Password"))

    async def delete(self, call: Call, request: iam.DeleteLoginProfileRequest) -> None:
        await self.profiles.delete(call.caller, request.get("UserName"))


def _refuse_reset(given: bool | None) -> None:  # noqa: FBT001 — the member of a request
    """Raise NotBuiltYet if a reset is required: the console has no page yet to change a password."""
    if given:
        raise NotBuiltYet("PasswordResetRequired")


def _shown(profile: Profile) -> iam.LoginProfile:
    return {"UserName": profile.user_name, "CreateDate": profile.created_at, "PasswordResetRequired": False}
