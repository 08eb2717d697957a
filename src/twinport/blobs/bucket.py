"""A bucket of an S3-compatible store: the library's errors translated, waits bounded, broken reads resumed.

Nothing relies on conditions, on an object's entity tag, or on a list that knows what was just written
(docs/decisions/0052-object-storage.md).
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from twinport.blobs.parts import Parts
from twinport.egress.bucket import BucketAddress, BucketRequests
from twinport.metrics import names
from twinport.model.content import Key
from twinport.refusals.storage import BlobMissing, BlobUnreadable, StorageUnavailable

_PIECE = 1 << 20
_LEAST_PIECE = 256 << 10
_ONE_REQUEST = timedelta(seconds=60)
_SILENCE = timedelta(seconds=30)
# The store copies up to 5 GiB, without a word until it is done.
_LONGEST_COPY = timedelta(minutes=15)
# What the library hands over of a list is made on the event loop.
_LISTED_AT_ONCE = 250
# A read has no end of its own: a client may take hours over a large layer. Its silences are bounded.
_LONGEST_READ = timedelta(days=2)
_RESUMED = 4
_FIRST_PAUSE = 0.2
_STATUS = re.compile(r"status: (\d{3})")
_HIDDEN = re.compile(r"AWS_|(HTTP|HTTPS|ALL|NO)_PROXY$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Encryption:
    """Server-side encryption that each object asks for: AES256, or aws:kms with or without the id of a key."""

    algorithm: str
    kms_key: str | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        named = {"x-amz-server-side-encryption-aws-kms-key-id": self.kms_key} if self.kms_key else {}
        return {"x-amz-server-side-encryption": self.algorithm, **named}


@dataclass(frozen=True, slots=True)
class FoundObject:
    path: str
    size: int
    written_at: datetime


class Bucket:
    """Operations on objects by their whole path. Each but `read` is measured."""

    def __init__(self, address: BucketAddress, encryption: Encryption | None = None) -> None:
        self.address = address
        self.requests = BucketRequests(address)
        self.parts = Parts(self.requests, {} if encryption is None else encryption.headers)
        self._store = _library_store(address, encryption)

    async def put(self, path: str, content: bytes | bytearray) -> None:
        """Store an object of a few mebibytes, durable on return. Raises StorageUnavailable."""
        with measured("write"), _refused():
            async with asyncio.timeout(_ONE_REQUEST.total_seconds()):
                await obstore.put_async(self._store, path, content, use_multipart=False, attributes=_ATTRIBUTES)

    async def put_new(self, path: str, content: bytes) -> bool:
        """As `put`, for an object that is not there; where the store knows conditions, an older one stays.

        Return whether the store refused because an object is there. Raises StorageUnavailable, BlobUnreadable.
        """
        with measured("write"), _refused():
            async with asyncio.timeout(_ONE_REQUEST.total_seconds()):
                return await self._put_new(path, content)

    async def _put_new(self, path: str, content: bytes) -> bool:
        try:
            await obstore.put_async(self._store, path, content, mode="create")
        except (AlreadyExistsError, PreconditionError):
            return True
        except BaseError:
            # The store knows no conditions, or it failed for a moment, and an older object may be there.
            try:
                await self.size(path)
            except BlobMissing:
                await obstore.put_async(self._store, path, content)
        return False

    async def size(self, path: str) -> int:
        """Return the number of an object's bytes. Raises BlobMissing, BlobUnreadable.

        A store that does not find an object is asked twice, since a missing object counts as damaged.
        """
        with _reading(path):
            async with asyncio.timeout(_ONE_REQUEST.total_seconds()):
                try:
                    return (await obstore.head_async(self._store, path))["size"]
                except FileNotFoundError:
                    await asyncio.sleep(_FIRST_PAUSE)
                    return (await obstore.head_async(self._store, path))["size"]

    async def read(self, path: str, first: int, size: int) -> AsyncIterator[bytes]:
        """Yield `size` bytes from `first` on, in pieces of at most 1 MiB. Raises BlobMissing, BlobUnreadable.

        A read that breaks off goes on where it broke off, a few times without progress. An answer that ends early
        means that the object is too short only if the store says so when it is asked for the size.
        """
        place, end, failed = first, first + size, 0
        while place < end:
            try:
                async for piece in self._span(path, place, end):
                    place, failed = place + len(piece), 0
                    yield piece
                _require_end(path, place, end)
            except BlobUnreadable:
                failed += 1
                await self._require_longer(path, place)
                if failed > _RESUMED:
                    raise
                await asyncio.sleep(_FIRST_PAUSE * 2**failed)

    async def _require_longer(self, path: str, place: int) -> None:
        """Raise BlobMissing if the store says that an object ends at a place or before. Its silence says nothing."""
        with suppress(BlobUnreadable):
            if await self.size(path) <= place:
                raise BlobMissing(_key(path))

    async def _span(self, path: str, first: int, end: int) -> AsyncIterator[bytes]:
        with _reading(path):
            found = await obstore.get_async(self._store, path, options={"range": (first, end)})
            async for chunk in found.stream(min_chunk_size=_LEAST_PIECE):
                for begin in range(0, len(chunk), _PIECE):
                    yield bytes(chunk[begin : begin + _PIECE])

    async def copy(self, path: str, to: str) -> None:
        """Have the store copy an object of at most 5 GiB. Raises BlobMissing, StorageUnavailable."""
        with measured("copy"), _refused():
            try:
                async with asyncio.timeout(_LONGEST_COPY.total_seconds()):
                    await obstore.copy_async(self._store, path, to)
            except FileNotFoundError:
                raise BlobMissing(_key(path)) from None

    async def remove(self, path: str) -> None:
        """Remove an object, if it is there. Raises StorageUnavailable."""
        with measured("remove"), _refused():
            try:
                async with asyncio.timeout(_ONE_REQUEST.total_seconds()):
                    await obstore.delete_async(self._store, path)
            except FileNotFoundError:
                return

    async def listed(self, prefix: str) -> AsyncIterator[FoundObject]:
        """Yield the objects below a prefix, as far as the store lists them by now. Raises StorageUnavailable."""
        with _refused():
            pages = obstore.list(self._store, prefix, chunk_size=_LISTED_AT_ONCE).__aiter__()
            while True:
                async with asyncio.timeout(_ONE_REQUEST.total_seconds()):
                    page = await anext(pages, None)
                if page is None:
                    return
                for each in page:
                    yield FoundObject(each["path"], each["size"], each["last_modified"])

    async def folders(self, prefix: str) -> list[str]:
        """Return the names directly below a prefix that objects lie under. Raises StorageUnavailable."""
        with _refused():
            found = await obstore.list_with_delimiter_async(self._store, prefix)
            return sorted(each.rstrip("/").rpartition("/")[2] for each in found["common_prefixes"])

    async def close(self) -> None:
        await self.requests.close()


_ATTRIBUTES = {"Content-Type": "application/octet-stream"}


def _library_store(address: BucketAddress, encryption: Encryption | None) -> S3Store:
    with _without_environment():
        return S3Store(
            address.bucket,
            **_configuration(address, encryption),
            client_options=_client_options(address),
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=30)},
        )


def _configuration(address: BucketAddress, encryption: Encryption | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "endpoint": address.endpoint,
        "region": address.region,
        "access_key_id": address.credentials.access_key_id,
        "secret_access_key": address.credentials.secret,
    }
    if encryption is not None:
        found["server_side_encryption"] = encryption.algorithm
        if encryption.kms_key is not None:
            found["sse_kms_key_id"] = encryption.kms_key
    return found


def _client_options(address: BucketAddress) -> Any:  # noqa: ANN401 — the library names its type for checkers alone
    found: dict[str, Any] = {
        "allow_http": address.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": _SILENCE,
        "timeout": _LONGEST_READ,
    }
    if address.authorities is not None:
        found["root_certificate"] = address.authorities.read_bytes()
    return found


@contextmanager
def _without_environment() -> Iterator[None]:
    """Hide what the environment says to AWS's tools, which would win over the settings, and what it says of proxies.

    The requests for parts go to the store itself, and so must the library's.
    """
    hidden = {name: word for name, word in os.environ.items() if _HIDDEN.match(name)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _require_end(path: str, place: int, end: int) -> None:
    if place < end:
        raise BlobUnreadable(_key(path), "the object store's answer ends early", None)


def _key(path: str) -> Key:
    return Key(path.rpartition("/")[2])


@contextmanager
def measured(operation: str) -> Iterator[None]:
    """Count the time of an operation of the store, and its failures."""
    began = perf_counter()
    try:
        yield
    except StorageUnavailable:
        names.STORE_ERRORS.add(operation)
        raise
    finally:
        names.STORE_SECONDS.observe(perf_counter() - began, operation)


@contextmanager
def _refused() -> Iterator[None]:
    """Translate the errors of a store that refuses, fails, or does not answer."""
    try:
        yield
    except TimeoutError:
        raise StorageUnavailable("the object store does not answer") from None
    except (BaseError, ValueError, OSError) as error:
        raise StorageUnavailable(_worded(error)) from error


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Translate the errors of a read."""
    try:
        yield
    except FileNotFoundError:
        raise BlobMissing(_key(path)) from None
    except TimeoutError:
        raise BlobUnreadable(_key(path), "the object store does not answer", None) from None
    except (BaseError, ValueError, OSError) as error:
        raise BlobUnreadable(_key(path), _worded(error), None) from error


def _worded(error: Exception) -> str:
    """Word an error for clients of ours, which need not know the addresses that the library's report is full of."""
    if isinstance(error, FileNotFoundError):
        return "the object store has no such bucket"
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
        return "the object store refuses the key of this server"
    status = _STATUS.search(str(error))
    return f"the object store failed{f' with status {status[1]}' if status else ''}"
