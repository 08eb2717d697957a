"""A registry client in a few lines: what a test sees when docker would only say that it failed."""

import urllib.error
import urllib.request
from dataclasses import dataclass

from tests.journeys.clients import Owner
from twinport.tour.image import Blob, Image

DEADLINE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of the registry."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Registry:
    """One registry at the edge address, entered with a password."""

    url: str
    token: str

    @classmethod
    def of(cls, owner: Owner) -> "Registry":
        """The owner's registry, entered by the owner."""
        return cls.with_token(owner, owner.token())

    @classmethod
    def with_token(cls, owner: Owner, token: str) -> "Registry":
        """The owner's registry, entered with an authorization token of one caller."""
        return cls(f"{owner.server.url}/v2/{owner.account}/{owner.region}", token)

    def ask(self, method: str, place: str, body: bytes | None = None, *, media_type: str = "*/*") -> Said:
        """Send one request; a refusal is an answer like any other."""
        headers = {"Authorization": f"Basic {self.token}", "Accept": "*/*", "Content-Type": media_type}
        request = urllib.request.Request(f"{self.url}/{place}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
                return Said(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Said(refused.code, dict(refused.headers), refused.read())

    def push(self, repository: str, tag: str, image: Image) -> int:
        """Push an image as docker would, and return the status with which its manifest was answered."""
        for blob in image.blobs:
            self.push_blob(repository, blob)
        return self.put_manifest(repository, tag, image)

    def push_blob(self, repository: str, blob: Blob) -> int:
        place = f"{repository}/blobs/uploads/?digest={blob.digest}"
        return self.ask("POST", place, blob.content, media_type="application/octet-stream").status

    def put_manifest(self, repository: str, tag: str, image: Image) -> int:
        place = f"{repository}/manifests/{tag}"
        return self.ask("PUT", place, image.manifest.content, media_type=image.manifest.media_type).status

    def has(self, repository: str, image: Image) -> bool:
        """Tell whether an image can be pulled whole, every byte as it was pushed."""
        manifest = self.ask("GET", f"{repository}/manifests/{image.manifest.digest}")
        blobs = [self.ask("GET", f"{repository}/blobs/{blob.digest}").body for blob in image.blobs]
        return manifest.body == image.manifest.content and blobs == [blob.content for blob in image.blobs]
