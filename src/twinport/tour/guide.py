"""The tour: push an image, let the service-linked role carry it, pull every copy back and verify it."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from twinport.errors import Refusal
from twinport.model.names import Registry
from twinport.tour import itinerary, records
from twinport.tour.ecr import EcrClient
from twinport.tour.greeter import greeting_image
from twinport.tour.image import Image
from twinport.tour.itinerary import DESTINATIONS, OTHER_ACCOUNT, REPOSITORY, SOURCE, Copy
from twinport.tour.records import DeliveryRecord
from twinport.tour.registry import RegistryClient

POLL_SECONDS = 0.05
COPY_DEADLINE_SECONDS = 60.0
ANSWER_DEADLINE_SECONDS = 30.0


class CopyFailed(Refusal):
    def __init__(self, destination: Registry, code: str) -> None:
        super().__init__(f"the copy to '{destination}' failed with {code}")


class CopyLate(Refusal):
    def __init__(self, missing: str) -> None:
        super().__init__(f"no copy reached {missing} within {COPY_DEADLINE_SECONDS:.0f} seconds")


class Onlooker(Protocol):
    """Shows the tour to a person as it happens."""

    def step(self, sentence: str) -> None:
        """Receive the tour's next step."""
        ...

    def traveling(self, statuses: Mapping[Registry, str], seconds: float) -> None:
        """Receive the status of each copy, `seconds` after the push."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of a completed tour."""

    tag: str
    copies: tuple[Copy, ...]


async def take(url: str, onlooker: Onlooker) -> Taken:
    """Take the tour on the server at `url`. Raises a Refusal when a copy fails, is late or differs."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_DEADLINE_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        tour = _Tour(http, url, onlooker)
        await tour.prepare()
        tag, image = await tour.push()
        await tour.wait_for_copies(tag)
        return Taken(tag, await tour.verify(image))


@dataclass(frozen=True, slots=True)
class _Tour:
    http: aiohttp.ClientSession
    url: str
    onlooker: Onlooker

    async def prepare(self) -> None:
        """Create the repository, let the source replicate into the other account, and configure replication."""
        source, other = self._ecr(SOURCE), self._ecr(OTHER_ACCOUNT)
        self.onlooker.step(f"{SOURCE.account} creates the repository {REPOSITORY} in {SOURCE.region}")
        await source.ensure_repository(REPOSITORY)
        self.onlooker.step(f"{OTHER_ACCOUNT.account} lets {SOURCE.account} replicate into {OTHER_ACCOUNT.region}")
        await other.put_registry_policy(itinerary.with_statement(await other.registry_policy()))
        places = " and ".join(map(str, DESTINATIONS))
        self.onlooker.step(f"{SOURCE.account} has {itinerary.PREFIX}* replicated to {places}")
        await source.put_replication_rules(itinerary.with_rule(await source.replication_rules()))

    async def push(self) -> tuple[str, Image]:
        """Push an image that no earlier tour pushed."""
        source = self._ecr(SOURCE)
        tag = itinerary.next_tag(await source.tags(REPOSITORY))
        image = greeting_image(tag)
        self.onlooker.step(f"{SOURCE.account} pushes {REPOSITORY}:{tag}, {image.size:,} bytes, through /v2/")
        await (await self._registry(SOURCE)).push(REPOSITORY, tag, image)
        return tag, image

    async def wait_for_copies(self, tag: str) -> None:
        """Wait until every copy has arrived."""
        source, pushed_at = self._ecr(SOURCE), time.monotonic()
        statuses: dict[Registry, str] = {}
        while any(statuses.get(place) != "COMPLETE" for place in DESTINATIONS):
            seconds = time.monotonic() - pushed_at
            copies = await source.copies(REPOSITORY, tag)
            statuses = {place: status for place, (status, _) in copies.items()}
            self.onlooker.traveling(statuses, seconds)
            _refuse_failures(copies, seconds)
            await asyncio.sleep(POLL_SECONDS)

    async def verify(self, image: Image) -> tuple[Copy, ...]:
        """Pull every copy as the owner of its registry, and compare each digest with the pushed image."""
        digest = image.manifest.digest
        for place in DESTINATIONS:
            self.onlooker.step(f"{place.account} pulls {REPOSITORY} from {place.region} and verifies every digest")
            await (await self._registry(place)).pull(REPOSITORY, digest)
        traveled = await records.deliveries(self.http, self.url, SOURCE)
        return tuple(_copy(place, digest, traveled) for place in DESTINATIONS)

    def _ecr(self, registry: Registry) -> EcrClient:
        return EcrClient(self.http, self.url, registry)

    async def _registry(self, registry: Registry) -> RegistryClient:
        return RegistryClient(self.http, self.url, registry, await self._ecr(registry).token())


def _copy(place: Registry, digest: str, traveled: Sequence[DeliveryRecord]) -> Copy:
    record = next(each for each in traveled if each["destination"] == str(place) and each["digest"] == digest)
    return Copy(place, digest, record["bytes_carried"], record["seconds"] or 0.0, record["carried_by"] or "")


def _refuse_failures(copies: Mapping[Registry, tuple[str, str]], seconds: float) -> None:
    for place, (status, code) in copies.items():
        if place in DESTINATIONS and status == "FAILED":
            raise CopyFailed(place, code)
    if seconds > COPY_DEADLINE_SECONDS:
        raise CopyLate(", ".join(str(place) for place in DESTINATIONS if copies.get(place, ("",))[0] != "COMPLETE"))
