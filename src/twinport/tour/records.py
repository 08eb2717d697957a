"""Reads the server's records of each copy's delivery from twinport's own operations."""

import json
from collections.abc import Sequence
from typing import TypedDict

import aiohttp

from twinport.model.names import Registry


class DeliveryRecord(TypedDict):
    """The fields of a delivery in `GET /_twinport/deliveries` that the tour reads."""

    destination: str
    digest: str
    bytes_carried: int
    carried_by: str | None
    seconds: float | None


async def deliveries(http: aiohttp.ClientSession, url: str, source: Registry) -> Sequence[DeliveryRecord]:
    """Return the latest deliveries of a registry, the newest first."""
    facts = {"account": source.account, "region": source.region}
    async with http.get(f"{url}/_twinport/deliveries", params=facts) as answer:
        answer.raise_for_status()
        records: Sequence[DeliveryRecord] = json.loads(await answer.read())["deliveries"]
    return records
