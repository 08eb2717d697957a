"""Whether stored bytes are what they should be, by reading them all."""

import errno
import hashlib
from functools import partial

from twinport.blobs.pace import UNHURRIED, Pace, cost_of
from twinport.blobs.store import BlobReader
from twinport.model.content import Damage, Digest, Key
from twinport.pools import BLOBS
from twinport.refusals.storage import BlobMissing, BlobUnreadable

# What a disk says of damaged sectors, structures and checksums. Whatever else it says is about us.
_DAMAGE = (errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA)


async def damage_of(store: BlobReader, key: Key, size: int, digest: Digest, pace: Pace = UNHURRIED) -> Damage | None:
    """Return what is wrong with bytes, or None if nothing is.

    Raises BlobUnreadable if they cannot be read for a reason that is not theirs.
    """
    try:
        if store.size(key) != size:
            return Damage.WRONG_SIZE
        return None if await _digest(store, key, size, digest.algorithm, pace) == digest.hex else Damage.WRONG_DIGEST
    except BlobMissing:
        return Damage.MISSING
    except BlobUnreadable as refusal:
        if refusal.code in _DAMAGE:
            return Damage.UNREADABLE
        raise


async def _digest(store: BlobReader, key: Key, size: int, algorithm: str, pace: Pace) -> str:
    sum_ = hashlib.new(algorithm)
    await pace.spend(cost_of(size) - size)
    async for piece in store.read(key):
        await BLOBS.run(partial(sum_.update, piece))
        await pace.spend(len(piece))
    return sum_.hexdigest()
