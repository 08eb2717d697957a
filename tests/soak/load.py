"""The load: owners of repositories push, retag, mount, pull and delete, of layers that they all share."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.shelf import image_of
from tests.soak.client import Registry, digest_of

_MOST_IMAGES = 12
_POOL = 80
# What ECR's client says while a process, the database or the store is away, and before the first copy.
_PASSING = ("RepositoryNotFound", "Could not connect", "Connection", "ServerException", "50")


@dataclass
class Tally:
    """What was done, and what should not have been met."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    bytes_pushed: int = 0

    def wrong_is(self, what: str) -> None:
        self.wrong.append(f"{time.strftime('%H:%M:%S')} {what}")


@dataclass(frozen=True)
class Image:
    """An image, and when its owner began to push it."""

    repository: str
    manifest: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def blobs(self) -> list[str]:
        document = json.loads(self.manifest)
        return [document["config"]["digest"], *(layer["digest"] for layer in document["layers"])]


def pool_of_layers(random: Random, large: int = 0) -> list[bytes]:
    """A few layers for all: the same digest is pushed, deleted and swept at once, again and again.

    `large` of them are so large that an object store takes them in parts.
    """
    small = [random.randbytes(random.choice([1 << 10, 1 << 14, 1 << 18])) for _ in range(_POOL)]
    return [*small, *(random.randbytes(9 << 20) for _ in range(large))]


@dataclass
class Owner:
    """One client after another: whatever it pushed and did not delete must be there whole."""

    registry: Registry
    repositories: list[str]
    everybodys: list[str]
    layers: list[bytes]
    random: Random
    tally: Tally
    patience: float
    images: list[Image] = field(default_factory=list)
    number: int = 0

    async def run(self, until: float) -> None:
        acts = [self.push, self.pull, self.retag, self.delete, self.abandon, self.idle_layer]
        while time.monotonic() < until:
            [act] = self.random.choices(acts, weights=[10, 6, 3, 7, 1, 2])
            await act()
            self.tally.done[act.__name__] += 1

    async def push(self) -> None:
        if len(self.images) >= _MOST_IMAGES:
            return
        name, config = self.random.choice(self.repositories), self.random.randbytes(100)
        layers = self.random.sample(self.layers, self.random.randint(1, 4))
        image = Image(name, image_of(config, *layers))
        if await self._push(image, [config, *layers]):
            self.images.append(image)

    async def pull(self) -> None:
        if self.images:
            await self.check(self.random.choice(self.images))

    async def check(self, image: Image) -> None:
        found = await self.registry.ask("GET", f"{image.repository}/manifests/{image.digest}")
        if found.body != image.manifest:
            self.tally.wrong_is(f"manifest of a live image: {found.status} {found.body[:200]!r}")
        for blob in image.blobs:
            said = await self.registry.ask("GET", f"{image.repository}/blobs/{blob}")
            if digest_of(said.body) != blob:
                self.tally.wrong_is(f"unknown blob of a live image: {said.status} {said.body[:200]!r}")

    async def retag(self) -> None:
        if self.images:
            image = self.random.choice(self.images)
            said = await self.registry.put(image.repository, f"moving{self.random.randint(0, 3)}", image.manifest)
            if said.status != 201:
                self.tally.wrong_is(f"retag of a live image: {said.status} {said.body[:200]!r}")

    async def delete(self) -> None:
        if self.images:
            image = self.images.pop(self.random.randrange(len(self.images)))
            status = await self.registry.delete(image.repository, image.digest)
            if status not in (202, 404):
                self.tally.wrong_is(f"deletion: {status}")

    async def abandon(self) -> None:
        await self.registry.abandon(self.random.choice(self.repositories), self.random.randbytes(5000))

    async def idle_layer(self) -> None:
        """Upload a layer that no image will name."""
        await self.registry.upload(self.random.choice(self.repositories), self.random.choice(self.layers))

    async def _push(self, image: Image, blobs: list[bytes]) -> bool:
        """Ask, mount or upload, then put. What was promised within the time that is documented must hold."""
        began = time.monotonic()
        for blob in blobs:
            await self._bring(image.repository, blob)
        self.number += 1
        said = await self.registry.put(image.repository, f"n{self.number}", image.manifest)
        if said.status == 201:
            return True
        if time.monotonic() - began < self.patience:
            self.tally.wrong_is(f"push: {said.status} {said.body[:300]!r}")
        else:
            self.tally.done["push that took too long"] += 1
        return False

    async def _bring(self, name: str, blob: bytes) -> None:
        digest = digest_of(blob)
        if await self.registry.has(name, digest):
            self.tally.done["layer that was there"] += 1
            return
        if self.random.random() < 0.5 and await self.registry.mount(name, digest, self.random.choice(self.everybodys)):
            self.tally.done["mount"] += 1
            return
        upload = self.random.choice([self.registry.upload, self.registry.upload_in_parts])
        status = await upload(name, blob)
        self.tally.done["upload"] += 1
        self.tally.bytes_pushed += len(blob)
        if status != 201:
            self.tally.wrong_is(f"upload: {status}")


async def tidy_the_destination(ecr: Any, names: list[str], until: float, tally: Tally) -> None:  # noqa: ANN401 — boto3
    """Delete replicas now and then, so that there is garbage too."""
    while time.monotonic() < until:
        await asyncio.sleep(3)
        for name in names:
            tally.done["replica deleted"] += await asyncio.to_thread(_delete_some, ecr, name)


def _delete_some(ecr: Any, name: str) -> int:  # noqa: ANN401 — boto3
    try:
        images = ecr.list_images(repositoryName=name, filter={"tagStatus": "ANY"})["imageIds"]
        digests = sorted({image["imageDigest"] for image in images})[::2]
        if digests:
            ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": each} for each in digests[:100]])
        return len(digests)
    except Exception as error:
        if any(word in str(error) for word in _PASSING):
            return 0
        raise
