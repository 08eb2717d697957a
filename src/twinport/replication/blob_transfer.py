"""Brings one blob to a destination: it adopts the blob from a shared store, or its bytes are sent, and resumed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from twinport.blobs.store import BlobReader
from twinport.errors import Unavailable
from twinport.model.content import Key
from twinport.refusals.storage import BlobUnreadable, OfferExpired, TransferStalled
from twinport.replication.destination import (
    Destination,
    Held,
    NotShared,
    OfferedBlob,
    OfferedBlobs,
    Part,
    WrongOffset,
)
from twinport.replication.signing import RoleSession

# One call sends so much at most: each call is authorized again, and prolongs the offer.
SLICE = 64 << 20
# So often in a row an attempt may bring no progress.
_TRIES = 5


@dataclass(slots=True)
class BlobTransfer:
    """Brings the blobs of one offer, from the store of their source."""

    destination: Destination
    session: RoleSession
    source: BlobReader
    most_at_once: int = SLICE
    _is_shared: bool = True

    async def adopted(self, blobs: OfferedBlobs) -> bool:
        """Have the destination adopt blobs. Tell whether it did: no store may be shared. Raises what `adopt` raises."""
        if self._is_shared:
            answer = await self.destination.adopt(await self.session.sign(Part.ADOPT, blobs), blobs)
            self._is_shared = answer != NotShared()
        return self._is_shared

    async def bring(self, blob: OfferedBlob, key: Key) -> None:
        """Bring a blob. Raises what `adopt` and `append` of the destination raise."""
        if not await self.adopted(OfferedBlobs((blob,))):
            await self._send(blob, key)

    async def _send(self, blob: OfferedBlob, key: Key) -> None:
        """Send slices until the destination holds the whole blob. A lost answer is asked for again."""
        held, in_vain = 0, 0
        while True:
            before = held
            try:
                match await self._append(blob, key, held):
                    case Held(size=blob.size):
                        return
                    case Held(size=size) | WrongOffset(held=size):
                        held = size
            except (BlobUnreadable, OfferExpired):
                raise
            except Unavailable:
                if in_vain + 1 == _TRIES:
                    raise
            in_vain = 0 if held > before else in_vain + 1
            if in_vain == _TRIES:
                raise TransferStalled(str(blob.digest), held)

    async def _append(self, blob: OfferedBlob, key: Key, offset: int) -> Held | WrongOffset:
        authorization = await self.session.sign(Part.APPEND, blob, offset)
        async with aclosing(self._bytes(key, offset, min(self.most_at_once, blob.size - offset))) as pieces:
            return await self.destination.append(authorization, blob, offset, pieces)

    async def _bytes(self, key: Key, offset: int, size: int) -> AsyncGenerator[bytes]:
        async for piece in self.source.read(key, offset, size):
            yield piece
