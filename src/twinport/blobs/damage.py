"""Checks whether stored bytes are intact, by reading them all."""

import errno
import hashlib
from functools import partial

from twinport.blobs.store import BlobReader
from twinport.blobs.throughput_limit import UNHURRIED, ThroughputLimit, cost_of
from twinport.model.content import Damage, Digest, Key
from twinport.processes.pools import BLOBS
from twinport.refusals.storage import BlobMissing, BlobUnreadable

# A disk's errors for damaged sectors, structures and checksums. Its other errors do not mean that bytes are damaged.
_DAMAGE = (errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA)


async def is_lost(store: BlobReader, key: Key, size: int) -> bool:
    """Tell whether bytes are gone, cut short, or on a damaged part of the disk.

    A store that does not answer, or fails for another reason, says nothing about them.
    """
    try:
        return await store.size(key) != size
    except BlobMissing:
        return True
    except BlobUnreadable as refusal:
        return refusal.code in _DAMAGE


async def damage_of(
    store: BlobReader, key: Key, size: int, digest: Digest, limit: ThroughputLimit = UNHURRIED
) -> Damage | None:
    """Return the damage of stored bytes, or None if they are intact.

    Raises BlobUnreadable if they cannot be read for another reason than damage.
    """
    try:
        if await store.size(key) != size:
            return Damage.WRONG_SIZE
        return None if await _digest(store, key, size, digest.algorithm, limit) == digest.hex else Damage.WRONG_DIGEST
    except BlobMissing:
        return Damage.MISSING
    except BlobUnreadable as refusal:
        if refusal.code in _DAMAGE:
            return Damage.UNREADABLE
        raise


async def _digest(store: BlobReader, key: Key, size: int, algorithm: str, limit: ThroughputLimit) -> str:
    sum_ = hashlib.new(algorithm)
    await limit.spend(cost_of(size) - size)
    async for piece in store.read(key):
        await BLOBS.run(partial(sum_.update, piece))
        await limit.spend(len(piece))
    return sum_.hexdigest()
