"""The latest deliveries of a registry, as JSON: where each went, how far it is, and by whom it was carried."""

from collections.abc import Collection, Mapping
from typing import Protocol
from urllib.parse import parse_qs

from twinport.model.names import RegionName, Registry, account_id, region_name
from twinport.model.replication import DeliveryReport
from twinport.refusals.requests import BadName


class DeliveryReader(Protocol):
    async def __call__(self, source: Registry) -> list[DeliveryReport]:
        """Report the latest deliveries of a registry, the newest first."""
        ...


def parse_source(query: str, regions: Collection[RegionName]) -> Registry:
    """Read `account=…&region=…`, whose Region must be one of `regions`. Raises BadName."""
    facts = parse_qs(query)
    missing = [name for name in ("account", "region") if len(facts.get(name, [])) != 1]
    if missing:
        raise BadName(f"'{missing[0]}' must be given once: ?account=111111111111&region=eu-west-1")
    region = region_name(facts["region"][0])
    if region not in regions:
        raise BadName(f"the Region '{region}' is not served here")
    return Registry(account_id(facts["account"][0]), region)


def describe(report: DeliveryReport) -> Mapping[str, object]:
    settled = report.settled_at
    return {
        "id": report.id,
        "destination": str(report.destination),
        "repository": report.repository,
        "digest": str(report.digest),
        "tag": report.tag,
        "state": report.state.value,
        "failure_code": report.failure_code.value if report.failure_code else None,
        "reason": report.reason,
        "attempts": report.attempts,
        "bytes_carried": report.bytes_carried,
        "carried_by": report.carried_by,
        "created_at": report.created_at.isoformat(),
        "settled_at": settled.isoformat() if settled else None,
        "seconds": (settled - report.created_at).total_seconds() if settled else None,
    }
