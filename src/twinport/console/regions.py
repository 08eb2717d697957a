"""The display names of Regions, and their order in the picker."""

from collections.abc import Collection
from dataclasses import dataclass

from twinport.model.names import RegionName

_NAMES = {
    "af-south-1": "Africa (Cape Town)",
    "ap-east-1": "Asia Pacific (Hong Kong)",
    "ap-east-2": "Asia Pacific (Taipei)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-northeast-3": "Asia Pacific (Osaka)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-south-2": "Asia Pacific (Hyderabad)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-southeast-3": "Asia Pacific (Jakarta)",
    "ap-southeast-4": "Asia Pacific (Melbourne)",
    "ap-southeast-5": "Asia Pacific (Malaysia)",
    "ap-southeast-6": "Asia Pacific (New Zealand)",
    "ap-southeast-7": "Asia Pacific (Thailand)",
    "ca-central-1": "Canada (Central)",
    "ca-west-1": "Canada West (Calgary)",
    "eu-central-1": "Europe (Frankfurt)",
    "eu-central-2": "Europe (Zurich)",
    "eu-north-1": "Europe (Stockholm)",
    "eu-south-1": "Europe (Milan)",
    "eu-south-2": "Europe (Spain)",
    "eu-west-1": "Europe (Ireland)",
    "eu-west-2": "Europe (London)",
    "eu-west-3": "Europe (Paris)",
    "il-central-1": "Israel (Tel Aviv)",
    "me-central-1": "Middle East (UAE)",
    "me-south-1": "Middle East (Bahrain)",
    "mx-central-1": "Mexico (Central)",
    "sa-east-1": "South America (São Paulo)",
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
}
# The picker has the order of the AWS console, which begins with the United States.
_ORDER = ("us", "af", "ap", "ca", "eu", "il", "me", "mx", "sa")


@dataclass(frozen=True, slots=True)
class NamedRegion:
    code: RegionName
    name: str


def named(region: RegionName) -> NamedRegion:
    """Return a Region with its name. A deployment's own Regions have only their code."""
    return NamedRegion(region, _NAMES.get(region, region))


def ordered(regions: Collection[RegionName]) -> tuple[NamedRegion, ...]:
    return tuple(named(region) for region in sorted(regions, key=_rank))


def _rank(region: RegionName) -> tuple[int, str]:
    prefix = region.partition("-")[0]
    return (_ORDER.index(prefix) if prefix in _ORDER else len(_ORDER), region)
