"""Pages of a registry's deliveries, as JSON: destination, state, and role session of each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs

from twinport.model.names import RegionName, Registry, account_id, region_name
from twinport.model.replication import DeliveryPage, DeliveryReport
from twinport.refusals.requests import BadName

DEFAULT_LIMIT, MOST_SHOWN = 100, 1000


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """The requested deliveries: at most `limit` of a registry, the newest first, or those after `before`."""

    source: Registry
    limit: int = DEFAULT_LIMIT
    before: str | None = None


class DeliveryReader(Protocol):
    async def __call__(self, source: Registry, limit: int, before: str | None) -> DeliveryPage:
        """Report at most `limit` deliveries, the newest first, or those after `before`. Raises DeliveryUnknown."""
        ...


def parse_query(query: str, regions: Collection[RegionName]) -> DeliveryQuery:
    """Parse `account=…&region=…&limit=…&before=…`. The Region must be one of `regions`. Raises BadName."""
    facts = parse_qs(query, keep_blank_values=True)
    twice = [name for name in ("limit", "before") if len(facts.get(name, [])) > 1]
    if twice:
        raise BadName(f"'{twice[0]}' may be given once")
    return DeliveryQuery(_source(facts, regions), _limit(facts), facts.get("before", [None])[0])


def _source(facts: Mapping[str, list[str]], regions: Collection[RegionName]) -> Registry:
    missing = [name for name in ("account", "region") if len(facts.get(name, [])) != 1]
    if missing:
        raise BadName(f"'{missing[0]}' must be given once: ?account=111111111111&region=eu-west-1")
    region = region_name(facts["region"][0])
    if region not in regions:
        raise BadName(f"the Region '{region}' is not served here")
    return Registry(account_id(facts["account"][0]), region)


def _limit(facts: Mapping[str, list[str]]) -> int:
    text = facts.get("limit", [str(DEFAULT_LIMIT)])[0]
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MOST_SHOWN)) else 0
    if not 1 <= limit <= MOST_SHOWN:
        raise BadName(f"'limit' must be a number from 1 to {MOST_SHOWN}, not '{text[:20]}'")
    return limit


def describe_page(page: DeliveryPage) -> Mapping[str, object]:
    return {"deliveries": [describe(report) for report in page.reports], "next": page.next}


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
