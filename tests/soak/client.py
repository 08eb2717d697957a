"""A registry client that remembers nothing: one request each, tried again when the server's process has died."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

_TRIES = 40
_LOST = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)
_BUSY = 503
_BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Registry:
    """One account's registry in one Region, at the edge address."""

    session: aiohttp.ClientSession
    prefix: str
    token: str

    async def ask(
        self, method: str, place: str, body: bytes = b"", media_type: str = "application/octet-stream"
    ) -> Said:
        """Send a request until a server answers, with anything but "not now"."""
        said = Said(_BUSY, {}, b"")
        for number in range(_TRIES):
            try:
                said = await self._once(method, place, body, media_type)
            except _LOST:
                said = Said(_BUSY, {}, b"no server answered")
            if said.status != _BUSY:
                return said
            await asyncio.sleep(0.05 * (number + 1))
        return said

    async def _once(self, method: str, place: str, body: bytes, media_type: str) -> Said:
        headers = {"Authorization": f"Basic {self.token}", "Content-Type": media_type, "Accept": "*/*"}
        url = place if place.startswith("/v2/") else f"{self.prefix}/{place}"
        async with self.session.request(method, url, data=body, headers=headers) as answer:
            return Said(
                answer.status, {name.lower(): word for name, word in answer.headers.items()}, await answer.read()
            )

    async def has(self, name: str, digest: str) -> bool:
        return (await self.ask("HEAD", f"{name}/blobs/{digest}")).status == 200

    async def mount(self, name: str, digest: str, source: str) -> bool:
        """Mount a layer; an upload that is opened instead is left alone, as many clients do."""
        place = f"{name}/blobs/uploads/?mount={digest}&from={self.prefix.removeprefix('/v2/')}/{source}"
        return (await self.ask("POST", place)).status == 201

    async def upload(self, name: str, content: bytes) -> int:
        return (await self.ask("POST", f"{name}/blobs/uploads/?digest={digest_of(content)}", content)).status

    async def upload_in_parts(self, name: str, content: bytes) -> int:
        """Upload in two parts. An upload that a dying process lost is begun again."""
        for _ in range(_TRIES):
            opened = await self.ask("POST", f"{name}/blobs/uploads/")
            if opened.status != 202:
                return opened.status
            half, place = len(content) // 2, opened.headers["location"]
            first = await self.ask("PATCH", place, content[:half])
            if first.status == 202:
                done = await self.ask("PUT", f"{place}?digest={digest_of(content)}", content[half:])
                if done.status == 201:
                    return done.status
        return 0

    async def abandon(self, name: str, content: bytes) -> None:
        opened = await self.ask("POST", f"{name}/blobs/uploads/")
        if opened.status == 202:
            await self.ask("PATCH", opened.headers["location"], content)

    async def put(self, name: str, reference: str, manifest: bytes) -> Said:
        media_type = "application/vnd.oci.image.manifest.v1+json"
        return await self.ask("PUT", f"{name}/manifests/{reference}", manifest, media_type)

    async def delete(self, name: str, digest: str) -> int:
        return (await self.ask("DELETE", f"{name}/manifests/{digest}")).status


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
