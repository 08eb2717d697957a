"""The pages of a registry's account settings: each with its value, what it means, and the form that changes it."""

from dataclasses import dataclass

from twinport.console import commands
from twinport.console.pages import address, fingerprint, refused, require_unchanged
from twinport.console.routes import Route
from twinport.console.visits import Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.model.account_settings import AccountSetting
from twinport.refusals.requests import PathUnknown
from twinport.registry.account_settings import AccountSettings
from twinport.registry.expected import Expected

_SECTION = "registry"
_DONE = {"saved": "The setting is saved. It holds from the next request on."}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class SettingInWords:
    """A setting with its values in words. `is_open` says that there is more than one value to choose from."""

    code: str
    name: str
    purpose: str
    choices: tuple[Choice, ...]

    @property
    def is_open(self) -> bool:
        return len(self.choices) > 1

    def meaning(self, value: str) -> str:
        return next((each.meaning for each in self.choices if each.value == value), "")


SETTINGS = (
    SettingInWords(
        AccountSetting.BASIC_SCAN_TYPE.value,
        "Basic scan type",
        "What scans images while the registry has basic scanning. Amazon ECR has withdrawn the older type, CLAIR.",
        (Choice("AWS_NATIVE", "the scan type of Amazon ECR's own"),),
    ),
    SettingInWords(
        AccountSetting.POLICY_SCOPE.value,
        "Registry policy scope",
        "Which actions the registry policy decides about.",
        (
            Choice("V2", "the registry policy may name any action of ECR, and counts for each"),
            Choice(
                "V1",
                "the registry policy may name ecr:CreateRepository, ecr:ReplicateImage, ecr:BatchImportUpstreamImage "
                "and ecr:*, and what it allows counts for these three actions alone; what it denies counts always",
            ),
        ),
    ),
    SettingInWords(
        AccountSetting.BLOB_MOUNTING.value,
        "Blob mounting",
        "Whether a push may link a layer of another repository of this registry instead of sending it.",
        (
            Choice("ENABLED", "layers are linked between repositories that have the same encryption"),
            Choice("DISABLED", "clients send every layer that the repository does not have"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class AccountSettingPages:
    settings: AccountSettings

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/account-settings"
        return (
            Route("GET", base, self.show),
            Route("GET", f"{base}/edit", self.edit),
            Route("POST", f"{base}/edit", self.save),
        )

    async def show(self, visit: Visit) -> Page:
        found = [(each, await self._value(visit, each)) for each in SETTINGS]
        values = {
            "settings": [(each, value, each.meaning(value)) for each, value in found],
            "done": _DONE.get(visit.query.one("done"), ""),
            "command": commands.ecr(visit).line("ecr get-account-setting", name=AccountSetting.BLOB_MOUNTING.value),
        }
        return Page("account_settings.html", "Account settings", _SECTION, values)

    async def edit(self, visit: Visit) -> Page:
        setting = _named(visit.query.one("name"), visit)
        value = await self._value(visit, setting)
        return _form(visit, setting, value, fingerprint(value))

    async def save(self, visit: Visit) -> Result:
        setting, value = _named(visit.form.one("name"), visit), visit.form.one("value")
        try:
            before = await self._value(visit, setting)
            require_unchanged(visit, before)
            await self.settings.put(visit.caller, visit.registry, setting.code, value, Expected(before))
        except Refusal as refusal:
            return refused(_form(visit, setting, value, visit.form.one("seen")), refusal)
        return Redirect(address(f"{visit.home}/account-settings", done="saved"))

    async def _value(self, visit: Visit, setting: SettingInWords) -> str:
        return await self.settings.get(visit.caller, visit.registry, setting.code)


def _named(code: str, visit: Visit) -> SettingInWords:
    found = next((each for each in SETTINGS if each.code == code), None)
    if found is None:
        raise PathUnknown(visit.path)
    return found


def _form(visit: Visit, setting: SettingInWords, value: str, seen: str) -> Page:
    values = {
        "setting": setting,
        "value": value,
        "seen": seen,
        "problem": None,
        "command": commands.ecr(visit).line("ecr put-account-setting", name=setting.code, value=value[:20]),
    }
    return Page("account_settings_edit.html", setting.name, _SECTION, values)
