"""The tour's registry client: it pushes and pulls through the public `/v2/` door, as docker does."""

import json
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from twinport.errors import Refusal
from twinport.model.names import Registry
from twinport.tour.image import MANIFEST, Blob, Image, sha256


class RegistryRefused(Refusal):
    """The registry answered with a status other than the expected one."""

    def __init__(self, asked: str, status: int, said: str) -> None:
        super().__init__(f"{asked} was answered {status}: {said}")
        self.status = status


class CopyDiffers(Refusal):
    """The pulled content differs from the pushed content."""

    def __init__(self, named: str, pulled: str) -> None:
        super().__init__(f"'{named}' was asked for and the bytes of '{pulled}' came")


@dataclass(frozen=True, slots=True)
class RegistryClient:
    """A client of one path-addressed registry, with an authorization token."""

    http: aiohttp.ClientSession
    url: str
    registry: Registry
    token: str

    async def push(self, repository: str, tag: str, image: Image) -> None:
        """Push the blobs, then the manifest that names them."""
        for blob in image.blobs:
            await self._push_blob(repository, blob)
        headers = {"Content-Type": image.manifest.media_type}
        await self._ask("PUT", f"{repository}/manifests/{tag}", HTTPStatus.CREATED, headers, image.manifest.content)

    async def pull(self, repository: str, digest: str) -> int:
        """Pull a whole image and verify every digest. Return the number of bytes received."""
        manifest = await self._pull_verified(f"{repository}/manifests/", digest)
        named = json.loads(manifest)
        digests = [named["config"]["digest"], *(layer["digest"] for layer in named["layers"])]
        blobs = [await self._pull_verified(f"{repository}/blobs/", blob) for blob in digests]
        return len(manifest) + sum(map(len, blobs))

    async def _push_blob(self, repository: str, blob: Blob) -> None:
        place = f"{repository}/blobs/uploads/?digest={blob.digest}"
        headers = {"Content-Type": "application/octet-stream"}
        await self._ask("POST", place, HTTPStatus.CREATED, headers, blob.content)

    async def _pull_verified(self, folder: str, digest: str) -> bytes:
        content = await self._ask("GET", f"{folder}{digest}", HTTPStatus.OK, {"Accept": MANIFEST}, None)
        if sha256(content) != digest:
            raise CopyDiffers(digest, sha256(content))
        return content

    async def _ask(
        self, method: str, place: str, wanted: HTTPStatus, headers: dict[str, str], body: bytes | None
    ) -> bytes:
        path = f"/v2/{self.registry}/{place}"
        authorized = {"Authorization": f"Basic {self.token}", **headers}
        async with self.http.request(method, f"{self.url}{path}", headers=authorized, data=body) as answer:
            content = await answer.read()
        if answer.status != wanted:
            raise RegistryRefused(f"{method} {path}", answer.status, content.decode(errors="replace"))
        return content
