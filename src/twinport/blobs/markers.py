"""Small objects that say whose a part of a bucket is. The first one that is written stays."""

import asyncio

from twinport.blobs.bucket import Bucket
from twinport.refusals.storage import BlobMissing, BlobUnreadable, StorageUnavailable

# How long after a process wrote without a condition another process may still write what it decided on before.
_SETTLING_SECONDS = 2.0


async def first(bucket: Bucket, path: str, asking: str) -> str:
    """Return what the marker at a path says. If there is none, `asking` is written first. Raises StorageUnavailable.

    A store without conditions takes the marker a second time, and the last of several processes that write at the same
    time wins. So each of them waits before it reads what is there.
    """
    try:
        if found := await _read(bucket, path):
            return found
        if not (await bucket.put_new(path, asking.encode()) or await bucket.put_new(path, asking.encode())):
            await asyncio.sleep(_SETTLING_SECONDS)
        return await _read(bucket, path) or asking
    except BlobUnreadable as refusal:
        raise StorageUnavailable(refusal.message) from refusal


async def _read(bucket: Bucket, path: str) -> str | None:
    try:
        size = await bucket.size(path)
        return b"".join([piece async for piece in bucket.read(path, 0, size)]).decode(errors="replace")
    except BlobMissing:
        return None
