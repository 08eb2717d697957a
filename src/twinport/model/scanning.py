"""Scanning as values: which repositories are scanned and when, what a scan is, and what it found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from twinport.model import wildcards
from twinport.model.content import Digest
from twinport.model.names import RepositoryId
from twinport.refusals.requests import InvalidParameter

# ECR's rule: one scan of an image in this time, whether a push or a client asked for it.
SCAN_INTERVAL = timedelta(hours=24)
# ECR's limit for one filter of a repository name.
MOST_WILDCARDS = 4
_PARAMETER = "rules"
# The configs of images that contain packages. Artifacts have configs of their own types, or empty ones.
_IMAGE_CONFIGS = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)


class ScanType(Enum):
    """What a registry's scans look for (ScanType of the service model)."""

    BASIC = "BASIC"
    ENHANCED = "ENHANCED"


class ScanFrequency(Enum):
    """When the images of a repository are scanned (ScanFrequency of the service model)."""

    SCAN_ON_PUSH = "SCAN_ON_PUSH"
    CONTINUOUS_SCAN = "CONTINUOUS_SCAN"
    MANUAL = "MANUAL"


class Severity(Enum):
    """The severities that findings are counted by, the worst first (FindingSeverity of the service model)."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    INFORMATIONAL = "INFORMATIONAL"
    UNDEFINED = "UNDEFINED"


class ScanState(Enum):
    """The states that a scan has here (some of ScanStatus of the service model)."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"


_SUPPORTED = {
    ScanType.BASIC: (ScanFrequency.SCAN_ON_PUSH, ScanFrequency.MANUAL),
    ScanType.ENHANCED: (ScanFrequency.CONTINUOUS_SCAN, ScanFrequency.SCAN_ON_PUSH),
}


@dataclass(frozen=True, slots=True)
class ScanningRule:
    """Repositories whose names match one of the filters are scanned at this frequency."""

    frequency: ScanFrequency
    filters: tuple[str, ...]

    def applied(self, name: str) -> tuple[str, ...]:
        """Return the filters that match a repository's name."""
        return tuple(each for each in self.filters if filter_matches(each, name))


@dataclass(frozen=True, slots=True)
class AppliedScanning:
    """When a repository's images are scanned, and the filters that say so."""

    frequency: ScanFrequency = ScanFrequency.MANUAL
    filters: tuple[str, ...] = ()

    @property
    def is_on_push(self) -> bool:
        return self.frequency is not ScanFrequency.MANUAL


@dataclass(frozen=True, slots=True)
class ScanningConfiguration:
    """A registry's scanning. One that was never configured has basic scans and no rules."""

    scan_type: ScanType = ScanType.BASIC
    rules: tuple[ScanningRule, ...] = ()

    @classmethod
    def checked(cls, scan_type: ScanType, rules: Iterable[ScanningRule]) -> "ScanningConfiguration":
        """Build a configuration. Raises InvalidParameter for a frequency that the type of scans does not have."""
        made = cls(scan_type, tuple(rules))
        for rule in made.rules:
            if rule.frequency not in _SUPPORTED[scan_type]:
                known = ", ".join(each.value for each in _SUPPORTED[scan_type])
                raise InvalidParameter(
                    _PARAMETER,
                    f"scanFrequency {rule.frequency.value} is not supported when scanType is {scan_type.value}: "
                    f"use one of [{known}]",
                )
            if any(each.count("*") > MOST_WILDCARDS for each in rule.filters):
                raise InvalidParameter(_PARAMETER, f"a filter must have at most {MOST_WILDCARDS} wildcards")
        return made

    def applied(self, name: str, *, scan_on_push: bool) -> AppliedScanning:
        """Decide when a repository's images are scanned. `scan_on_push` is the repository's own setting.

        That setting is for basic scans alone. Continuous scans win over scans on push.
        """
        for frequency in (ScanFrequency.CONTINUOUS_SCAN, ScanFrequency.SCAN_ON_PUSH):
            filters = self._filters(frequency, name)
            if filters:
                return AppliedScanning(frequency, filters)
        if scan_on_push and self.scan_type is ScanType.BASIC:
            return AppliedScanning(ScanFrequency.SCAN_ON_PUSH)
        return AppliedScanning(filters=self._filters(ScanFrequency.MANUAL, name))

    def _filters(self, frequency: ScanFrequency, name: str) -> tuple[str, ...]:
        found = (each for rule in self.rules if rule.frequency is frequency for each in rule.applied(name))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """The image that a scanner is asked about."""

    repository: RepositoryId
    digest: Digest


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of a scan. `entries` are findings with the members that the scan type's answers have, in order.

    `source_updated_at` is when the scanner's knowledge was last updated, if the scanner says so.
    """

    entries: Sequence[Mapping[str, Any]]
    counts: Mapping[Severity, int]
    source_updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """The newest scan of an image by one type. After a failure it has no result, and `description` has the reason."""

    state: ScanState
    description: str | None
    completed_at: datetime | None = None
    source_updated_at: datetime | None = None
    counts: Mapping[Severity, int] = field(default_factory=dict)

    @property
    def has_result(self) -> bool:
        return self.completed_at is not None


def filter_matches(pattern: str, name: str) -> bool:
    """Tell whether a filter matches a repository's name. A filter without a wildcard matches every name with it."""
    return wildcards.matches(pattern, name) if "*" in pattern else pattern in name


def is_scannable(config_media_type: str | None) -> bool:
    """Tell whether a manifest is an image with packages: neither an index nor another artifact."""
    return config_media_type in _IMAGE_CONFIGS


def worst_first(entries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sort findings by severity, the worst first; those of one severity stay in their order."""
    ranks = {each.value: rank for rank, each in enumerate(Severity)}
    return sorted(entries, key=lambda entry: ranks.get(entry.get("severity", ""), len(ranks)))


def counted(severities: Iterable[Severity]) -> dict[Severity, int]:
    """Count findings by severity, the worst first. Severities without findings are absent."""
    found = list(severities)
    return {each: found.count(each) for each in Severity if each in found}
