"""Ids that begin an upload without a row: the registry gives one out, and knows its own again by a Region's key."""

import hmac
import secrets
from dataclasses import dataclass
from typing import Protocol

from twinport.access.generations import Generations
from twinport.access.tokens import RegionKeys
from twinport.clock import Clock
from twinport.model import upload_ids
from twinport.model.identities import Caller
from twinport.model.images import Repository
from twinport.model.upload_ids import MARKS, NONCES, UploadId


class UploadIds(Protocol):
    """Gives out ids of uploads, and knows them again in any process of the deployment."""

    async def issue(self, caller: Caller, repository: Repository) -> str:
        """Return a new id for an upload to a repository."""
        ...

    async def is_issued(self, caller: Caller, repository: Repository, text: str) -> bool:
        """Tell whether an id was given out for this repository, not longer ago than its life."""
        ...


@dataclass(frozen=True, slots=True)
class SealedUploadIds:
    """Ids with a mark by the Region's key, over the repository as it is: one that is recreated has another id."""

    keys: RegionKeys
    generations: Generations
    clock: Clock

    async def issue(self, caller: Caller, repository: Repository) -> str:
        """As the port says."""
        seconds, nonce = int(self.clock.now().timestamp()), secrets.randbelow(NONCES)
        text, generation = _signed(repository, seconds, nonce), await self.generations.at(caller)
        mark = _mark(await self.keys.mac(repository.registry.region, text, generation))
        return str(UploadId(seconds, nonce, mark))

    async def is_issued(self, caller: Caller, repository: Repository, text: str) -> bool:
        """As the port says."""
        found = upload_ids.parse(text)
        if found is None or not found.may_begin(self.clock.now()):
            return False
        signed, generation = _signed(repository, found.seconds, found.nonce), await self.generations.at(caller)
        sent = found.mark.to_bytes(8)
        return await self.keys.has_mac(
            repository.registry.region,
            signed,
            generation,
            lambda mac: hmac.compare_digest(_mark(mac).to_bytes(8), sent),
        )


def _signed(repository: Repository, seconds: int, nonce: int) -> str:
    return f"upload {repository.registry} {repository.id} {seconds} {nonce}"


def _mark(mac: bytes) -> int:
    return int.from_bytes(mac[:8]) % MARKS
