"""The account settings of a registry: their names, values and meaning."""

from enum import Enum

from twinport.model.letters import lower_ascii


class AccountSetting(Enum):
    """The settings by their names in GetAccountSetting and PutAccountSetting."""

    BASIC_SCAN_TYPE = "BASIC_SCAN_TYPE_VERSION"
    POLICY_SCOPE = "REGISTRY_POLICY_SCOPE"
    BLOB_MOUNTING = "BLOB_MOUNTING"

    @property
    def values(self) -> tuple[str, ...]:
        """Return the values that it may have."""
        return _VALUES[self]


class BasicScanType(Enum):
    """What scans images of a registry with basic scanning. AWS has withdrawn the older one, CLAIR."""

    AWS_NATIVE = "AWS_NATIVE"


class BlobMounting(Enum):
    """Whether a push may link a layer of another repository of the registry instead of sending it."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class PolicyScope(Enum):
    """Which actions a registry policy decides about."""

    V1 = "V1"
    V2 = "V2"

    def covers(self, action: str) -> bool:
        """Tell whether a registry policy counts for a request for `action`."""
        return self is PolicyScope.V2 or lower_ascii(action) in _V1_ACTIONS

    def may_name(self, action: str) -> bool:
        """Tell whether a registry policy may name `action`, which may be a pattern."""
        return self.covers(action) or lower_ascii(action) in _EVERYTHING


_V1_ACTIONS = frozenset(("ecr:replicateimage", "ecr:batchimportupstreamimage", "ecr:createrepository"))
_EVERYTHING = frozenset(("ecr:*", "*"))
_VALUES = {
    AccountSetting.BASIC_SCAN_TYPE: tuple(each.value for each in BasicScanType),
    AccountSetting.POLICY_SCOPE: tuple(each.value for each in PolicyScope),
    AccountSetting.BLOB_MOUNTING: tuple(each.value for each in BlobMounting),
}
