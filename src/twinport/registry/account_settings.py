"""The verbs of a registry's account settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.gate import AnyResource, Gate
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import account_settings, registries
from twinport.model.account_settings import AccountSetting, BasicScanType, BlobMounting, PolicyScope
from twinport.model.identities import Caller
from twinport.model.names import Registry
from twinport.refusals.requests import InvalidParameter
from twinport.registry.expected import Expected, require


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Settings by their names. `mounting` is what the deployment does while an account did not choose."""

    gate: Gate
    catalog: Catalog
    mounting: BlobMounting = BlobMounting.ENABLED

    async def get(self, caller: Caller, registry: Registry, setting: str) -> str:
        """Return the value that holds now: the one that was put, else the default. Raises InvalidParameter."""
        await self.gate.authorize(caller, "ecr:GetAccountSetting", AnyResource(registry.account, registry.region))
        known = _known(setting)
        found = await self.catalog.region(registry.region).read(
            lambda db: account_settings.value(db, registry.account, known)
        )
        return found or self._defaults[known]

    async def put(
        self, caller: Caller, registry: Registry, setting: str, value: str, expected: Expected[str] | None = None
    ) -> None:
        """Set a value, which holds from the next request on.

        Raises InvalidParameter, and ChangedMeanwhile unless `expected` is what holds before.
        """
        await self.gate.authorize(caller, "ecr:PutAccountSetting", AnyResource(registry.account, registry.region))
        known = _known(setting)
        if value not in known.values:
            raise InvalidParameter("value", f"must be one of {', '.join(known.values)} for {known.value}")

        def store(db: Connection) -> None:
            registries.hold(db, registry.account)
            require(expected, account_settings.value(db, registry.account, known) or self._defaults[known])
            account_settings.put(db, registry.account, known, value)

        await self.catalog.region(registry.region).write(store)

    @property
    def _defaults(self) -> Mapping[AccountSetting, str]:
        return {
            AccountSetting.BASIC_SCAN_TYPE: BasicScanType.AWS_NATIVE.value,
            AccountSetting.POLICY_SCOPE: PolicyScope.V2.value,
            AccountSetting.BLOB_MOUNTING: self.mounting.value,
        }


def _known(name: str) -> AccountSetting:
    try:
        return AccountSetting(name)
    except ValueError:
        names = ", ".join(each.value for each in AccountSetting)
        raise InvalidParameter("name", f"must be one of {names}") from None
