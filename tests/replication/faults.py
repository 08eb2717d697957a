"""A destination that fails, stalls or takes the process down with it, at a chosen moment."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from twinport.access.lane_sessions import Authorization
from twinport.model.names import Registry
from twinport.replication.destination import (
    AdoptAnswer,
    AppendAnswer,
    CommitAnswer,
    Destination,
    Destinations,
    Offer,
    OfferAnswer,
    OfferedBlob,
    OfferedBlobs,
)


class ProcessDied(BaseException):
    """Nothing in the process hears of this: no handler, no release, no settlement."""


@dataclass(slots=True)
class Faults:
    """Counts the moments before and after each call, and raises what is planned for one of them."""

    plan: dict[int, Callable[[], BaseException]] = field(default_factory=dict)
    moments: list[str] = field(default_factory=list)

    def meet(self, moment: str) -> None:
        number = len(self.moments)
        self.moments.append(moment)
        if number in self.plan:
            error = self.plan[number]()
            raise error


@dataclass(frozen=True, slots=True)
class FaultyDestinations:
    inner: Destinations
    faults: Faults

    def find(self, registry: Registry) -> Destination | None:
        found = self.inner.find(registry)
        return None if found is None else FaultyDestination(found, self.faults)


@dataclass(frozen=True, slots=True)
class FaultyDestination:
    inner: Destination
    faults: Faults

    async def offer(self, authorization: Authorization, offer: Offer) -> Mapping[str, OfferAnswer]:
        self.faults.meet("before offer")
        answers = await self.inner.offer(authorization, offer)
        self.faults.meet("after offer")
        return answers

    async def adopt(self, authorization: Authorization, blobs: OfferedBlobs) -> AdoptAnswer:
        self.faults.meet("before bytes")
        answer = await self.inner.adopt(authorization, blobs)
        self.faults.meet("after bytes")
        return answer

    async def append(
        self, authorization: Authorization, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]
    ) -> AppendAnswer:
        return await self.inner.append(authorization, blob, offset, pieces)

    async def commit(self, authorization: Authorization, offer: Offer) -> Mapping[str, CommitAnswer]:
        self.faults.meet("before commit")
        answers = await self.inner.commit(authorization, offer)
        self.faults.meet("after commit")
        return answers


@dataclass(frozen=True, slots=True)
class StalledDestinations:
    """Destinations that hear an offer and never answer."""

    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def find(self, registry: Registry) -> Destination | None:
        del registry
        return self

    async def offer(self, authorization: Authorization, offer: Offer) -> Mapping[str, OfferAnswer]:
        del authorization, offer
        self.heard.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def adopt(self, authorization: Authorization, blobs: OfferedBlobs) -> AdoptAnswer:
        raise NotImplementedError

    async def append(
        self, authorization: Authorization, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]
    ) -> AppendAnswer:
        raise NotImplementedError

    async def commit(self, authorization: Authorization, offer: Offer) -> Mapping[str, CommitAnswer]:
        raise NotImplementedError
