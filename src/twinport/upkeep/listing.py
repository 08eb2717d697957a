"""`twinport replication list`: the content of a deployment's outboxes, beside a server or without one."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from twinport.clock import WallClock, WorldClock
from twinport.composition.databases import join_catalog
from twinport.console import words
from twinport.model.names import RegionName, Registry, account_id
from twinport.model.printable import printable
from twinport.model.replication import DeliveryReport, DeliveryState, ListedDelivery
from twinport.replication.listing import OPEN_STATES, DeliveryListing
from twinport.settings.loading import Settings
from twinport.upkeep.sites import RegionNeverUsed

_STATES = {
    None: OPEN_STATES,
    "waiting": (DeliveryState.WAITING,),
    "failed": (DeliveryState.FAILED,),
    "all": tuple(DeliveryState),
}
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which deliveries to list. `state` is waiting, failed, all, or None for both waiting and failed."""

    region: str | None
    account: str | None
    repository: str | None
    state: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class Report:
    """The deliveries found. `is_whole` is False if there are more than requested."""

    deliveries: Sequence[ListedDelivery]
    is_whole: bool

    def json(self) -> str:
        content = {"deliveries": [_facts(each) for each in self.deliveries], "is_whole": self.is_whole}
        return json.dumps(content, indent=2, ensure_ascii=False)

    def lines(self) -> list[str]:
        """Return the report for people: a few lines for each delivery."""
        blocks = ["\n".join(_lines(each)) for each in self.deliveries]
        if not blocks:
            return ["No copy of an image waits or failed here."]
        if not self.is_whole:
            blocks.append("There are more: name a --region, --account or --repository, or raise --limit.")
        return ["\n\n".join(blocks)]


async def listed(settings: Settings, chosen: Chosen) -> Report:
    """List deliveries: Region by Region and account by account, the newest of each first.

    Raises what `join_catalog` does, BadName and RegionNeverUsed.
    """
    account = None if chosen.account is None else account_id(chosen.account)
    catalog = join_catalog(settings, WorldClock(WallClock()))
    try:
        known = await catalog.regions()
        if chosen.region is not None and chosen.region not in known:
            raise RegionNeverUsed(chosen.region, known)
        regions = [region for region in known if chosen.region in (None, region)]
        listing, found = DeliveryListing(catalog), list[ListedDelivery]()
        async with aclosing(_found(listing, _registries(listing, regions, account), chosen)) as deliveries:
            async for each in deliveries:
                if len(found) == chosen.limit:
                    return Report(found, is_whole=False)
                found.append(each)
        return Report(found, is_whole=True)
    finally:
        catalog.close()


async def _registries(
    listing: DeliveryListing, regions: Sequence[RegionName], account: str | None
) -> AsyncIterator[Registry]:
    for region in regions:
        for registry in await listing.registries(region):
            if account in (None, registry.account):
                yield registry


async def _found(
    listing: DeliveryListing, registries: AsyncIterator[Registry], chosen: Chosen
) -> AsyncGenerator[ListedDelivery]:
    async for registry in registries:
        page = await listing.page(registry, _STATES[chosen.state], _PAGE, None, chosen.repository)
        while True:
            for each in page.deliveries:
                yield each
            if page.after is None:
                break
            page = await listing.page(registry, _STATES[chosen.state], _PAGE, page.after, chosen.repository)


def _facts(each: ListedDelivery) -> Mapping[str, object]:
    report = each.report
    return {
        "id": report.id,
        "source": str(each.source),
        "destination": str(report.destination),
        "repository": report.repository,
        "digest": str(report.digest),
        "tag": report.tag,
        "state": report.state.value,
        "ecr_state": report.state.ecr,
        "attempts": report.attempts,
        "created_at": report.created_at.isoformat(),
        "settled_at": _iso(report.settled_at),
        "failure_code": report.failure_code.value if report.failure_code else None,
        "why": words.why(report),
        "reason": report.reason,
        "is_under_way": each.is_under_way,
        "next_try_at": _iso(each.next_try_at),
    }


def _lines(each: ListedDelivery) -> list[str]:
    report = each.report
    image = f"{report.repository}:{report.tag}" if report.tag else f"{report.repository}@{report.digest}"
    lines = [
        f"{image}",
        *([f"  digest       {report.digest}"] if report.tag else []),
        f"  from, to     {each.source} -> {report.destination}",
        f"  state        {report.state.value} ({report.state.ecr}), {_tries(report)}",
    ]
    if report.failure_code is not None:
        lines.append(f"  why          {report.failure_code.value}: {words.why(report)}")
    if report.reason:
        lines.append(f"  last reason  {report.reason}")
    return list(map(printable, [*lines, f"  next try     {words.next_try(each)}"]))


def _tries(report: DeliveryReport) -> str:
    return f"{words.tries(report.attempts)} since {words.time(report.created_at)}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
