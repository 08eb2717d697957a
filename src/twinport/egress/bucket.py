"""Signed requests to a bucket of an S3-compatible store, for what the library of the blob store does not offer.

The operator names the store in the settings, so its address is not guarded as a tenant's is. Connections are pooled.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from yarl import URL

from twinport.aws import sigv4
from twinport.aws.sigv4 import EMPTY_HASH, Credentials, Message
from twinport.egress.client import SystemNames
from twinport.processes.pools import BLOBS
from twinport.refusals.storage import StorageUnavailable

_SERVICE = "s3"
_TRIES = 4
_FIRST_PAUSE = timedelta(milliseconds=200)
# For one request, its body and its answer: the body is at most a part of a few mebibytes.
_WITHIN = aiohttp.ClientTimeout(total=60, connect=10)
_MOST_BYTES = 4 << 20
_BUSY = 429
_SERVER_ERRORS = 500
# What aiohttp would add by itself, and the store does not need.
_AUTOMATIC = ("Content-Type", "Accept", "Accept-Encoding", "User-Agent")


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """Where a bucket is, and who asks. `endpoint` has no path; the bucket is the first segment of each request's."""

    endpoint: str
    bucket: str
    region: str
    credentials: Credentials = field(repr=False)
    authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class BucketAnswer:
    """What the store answered: its status, and its headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class BucketRequests:
    """Sends signed requests to one bucket, from one event loop."""

    def __init__(self, address: BucketAddress) -> None:
        self._address = address
        # Made here and not at the first request: reading the system's authorities takes longer than a turn of the loop.
        self._trust = ssl.create_default_context()
        if address.authorities is not None:
            self._trust.load_verify_locations(address.authorities)
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> BucketAnswer:
        """Send a request, again if the store is busy or fails, and return its answer whatever its status.

        The answer's body is cut off at 4 MiB. Raises StorageUnavailable.
        """
        # A part has mebibytes, and hashing it takes longer than a turn of the event loop may.
        body_hash = await BLOBS.run(lambda: hashlib.sha256(body).hexdigest()) if body else EMPTY_HASH
        pause, reason = _FIRST_PAUSE, ""
        for number in range(_TRIES):
            if number:
                await asyncio.sleep(pause.total_seconds())
                pause *= 2
            try:
                answer = await self._send(method, key, query, body, body_hash, headers or {})
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = type(error).__name__
                continue
            if answer.status < _SERVER_ERRORS and answer.status != _BUSY:
                return answer
            reason = f"it answered {answer.status}"
        raise StorageUnavailable(f"the object store cannot be reached: {reason}")

    def presigned(self, endpoint: str, key: str, query: Mapping[str, str], *, now: datetime, expires: timedelta) -> str:
        """Return an address at `endpoint` by which any holder may GET an object until it expires."""
        at = self._address
        path, host = self._path(key), urlsplit(endpoint).netloc
        message = Message("GET", path, urlencode(query, quote_via=quote), (("host", host),))
        signed = sigv4.presign(message, at.credentials, region=at.region, service=_SERVICE, now=now, expires=expires)
        return f"{endpoint}{path}?{signed}"

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _send(
        self, method: str, key: str, query: Mapping[str, str], body: bytes, body_hash: str, headers: Mapping[str, str]
    ) -> BucketAnswer:
        at, path, asked = self._address, self._path(key), urlencode(query, quote_via=quote)
        given = {"host": urlsplit(at.endpoint).netloc, "content-length": str(len(body)), **headers}
        message = Message(method, path, asked, tuple(given.items()))
        signed = sigv4.sign(
            message,
            at.credentials,
            region=at.region,
            service=_SERVICE,
            now=datetime.now(UTC),
            body_hash=body_hash,
        )
        url = URL(f"{at.endpoint}{path}?{asked}", encoded=True)
        sending = self._opened().request(
            method,
            url,
            data=BytesIO(body),
            headers={**given, **signed},
            allow_redirects=False,
            skip_auto_headers=_AUTOMATIC,
        )
        async with sending as response:
            content = await response.content.read(_MOST_BYTES)
            while len(content) < _MOST_BYTES and (more := await response.content.read(_MOST_BYTES - len(content))):
                content += more
            return BucketAnswer(
                response.status, {name.lower(): each for name, each in response.headers.items()}, content
            )

    def _path(self, key: str) -> str:
        return quote(f"/{self._address.bucket}/{key}" if key else f"/{self._address.bucket}")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._trust, resolver=SystemNames()),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=_WITHIN,
                auto_decompress=False,
            )
        return self._session
