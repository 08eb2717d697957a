"""Clients that do not trust their memory: each writes down what it asked, when, and what it heard."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from tests.histories.history import Heard, Kind, Operation, Place
from tests.histories.linearizable import NEVER
from tests.journeys.clients import Owner
from tests.journeys.server import Server
from twinport.tour.image import Blob, Image, sha256

# Longer than a server needs to come back, so that only the dead do not answer.
ANSWER_SECONDS = 40
NOTHING_CHANGED, MAY_BE_STORED = "nothing was changed", "may be stored or not"
# What a push may be told while another client removes the image whose layers it found.
_PARTS_GONE = ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN")


class _NoAnswer(Exception):
    """The server cannot say whether an image is whole."""


@dataclass(frozen=True, slots=True)
class Goods:
    """What a tag is to name: an image, or an index of several."""

    manifest: Blob
    images: tuple[Image, ...]


@dataclass
class Answer:
    """What came back: a status, or none if the connection gave way."""

    status: int | None
    body: bytes = b""
    was_sent: bool = True

    @property
    def words(self) -> str:
        return self.body[:300].decode(errors="replace")


@dataclass
class Door:
    """One registry as its owner enters it."""

    server: Server
    owner: Owner
    _token: str = ""

    @cached_property
    def ecr(self) -> Any:  # noqa: ANN401 — boto3's clients have no types
        return self.owner.boto("ecr")

    def enter(self) -> None:
        self._token = self.owner.token()

    async def ask(self, method: str, path: str, body: bytes | None = None, media_type: str = "*/*") -> Answer:
        """Send one request, once."""
        return await asyncio.to_thread(self._ask, method, path, body, media_type)

    def _ask(self, method: str, path: str, body: bytes | None, media_type: str) -> Answer:
        # Not aiohttp: it sends a PUT again behind the history's back when a connection is lost.
        place = f"/v2/{self.owner.account}/{self.owner.region}/{path}"
        headers = {"Authorization": f"Basic {self._token}", "Accept": "*/*", "Content-Type": media_type}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=ANSWER_SECONDS)
        try:
            connection.connect()
        except OSError:
            return Answer(None, was_sent=False)
        try:
            connection.request(method, place, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        except (http.client.HTTPException, OSError):
            return Answer(None)
        finally:
            connection.close()


@dataclass
class Client:
    """One client, which does one thing after the other."""

    number: int
    doors: dict[tuple[str, str], Door]
    now: Callable[[], float]
    operations: list[Operation] = field(default_factory=list)

    def door(self, place: Place) -> Door:
        return self.doors[place.account, place.region]

    def note(self, kind: Kind, place: Place, began: float, heard: Heard, **facts: Any) -> Operation:  # noqa: ANN401
        ended = NEVER if heard is Heard.UNKNOWN else self.now()
        noted = Operation(self.number, kind, place, began, ended, heard, **facts)
        self.operations.append(noted)
        return noted

    async def push(self, place: Place, tag: str, goods: Goods) -> None:
        """Push as docker does: look for each layer, bring what is missing, then the manifests, children first."""
        for image in goods.images:
            for blob in image.blobs:
                if not await self._bring(place, blob):
                    return
            if image.manifest != goods.manifest and not await self._put(place, None, image.manifest):
                return
        await self._put(place, tag, goods.manifest)

    async def _put(self, place: Place, tag: str | None, manifest: Blob) -> bool:
        began = self.now()
        path = f"{place.repository}/manifests/{tag or manifest.digest}"
        answer = await self.door(place).ask("PUT", path, manifest.content, manifest.media_type)
        heard = _heard(answer, done=(201,))
        if answer.status in (400, 404) and any(code in answer.words for code in _PARTS_GONE):
            heard = Heard.REFUSED
        self.note(Kind.PUT, place, began, heard, tag=tag, digest=manifest.digest, said=_said(answer, heard))
        return heard is Heard.DONE

    async def _bring(self, place: Place, blob: Blob) -> bool:
        door, path = self.door(place), f"{place.repository}/blobs"
        if (await door.ask("HEAD", f"{path}/{blob.digest}")).status == 200:
            return True
        upload = f"{path}/uploads/?digest={blob.digest}"
        return (await door.ask("POST", upload, blob.content, "application/octet-stream")).status == 201

    async def read_tag(self, place: Place, tag: str) -> None:
        """Read what a tag names, and fetch all of it."""
        began = self.now()
        answer = await self.door(place).ask("GET", f"{place.repository}/manifests/{tag}")
        heard = _heard(answer, done=(200,), absent=(404,))
        digest = sha256(answer.body) if heard is Heard.DONE else None
        if heard is not Heard.UNKNOWN:
            self.note(Kind.READ_TAG, place, began, heard, tag=tag, digest=digest, said=_said(answer, heard))
        if digest is not None:
            await self._pull(place, digest, answer.body, began)

    async def read_image(self, place: Place, digest: str) -> None:
        """Read an image by its digest, and fetch all of it."""
        began = self.now()
        answer = await self.door(place).ask("GET", f"{place.repository}/manifests/{digest}")
        heard = _heard(answer, done=(200,), absent=(404,))
        if heard is Heard.DONE and sha256(answer.body) != digest:
            heard = Heard.WRONG
        if heard is not Heard.UNKNOWN:
            self.note(Kind.READ_DIGEST, place, began, heard, digest=digest, said=_said(answer, heard))
        if heard is Heard.DONE:
            await self._pull(place, digest, answer.body, began)

    async def _pull(self, place: Place, digest: str, manifest: bytes, began: float) -> None:
        try:
            said = [word async for word in self._lacking(place, json.loads(manifest))]
        except _NoAnswer:
            return
        heard = Heard.WRONG if any("came as" in word for word in said) else Heard.ABSENT if said else Heard.DONE
        self.note(Kind.PULL, place, began, heard, digest=digest, said=tuple(said))

    async def _lacking(self, place: Place, manifest: dict[str, Any]) -> AsyncIterator[str]:
        """Fetch everything that a manifest names, and say what is not there or not what it should be."""
        named = [("manifests", child) for child in manifest.get("manifests", ())]
        named += [("blobs", part) for part in (manifest.get("config"), *manifest.get("layers", ())) if part]
        for kind, part in named:
            answer = await self.door(place).ask("GET", f"{place.repository}/{kind}/{part['digest']}")
            if answer.status == 404:
                yield part["digest"]
            elif answer.status != 200:
                raise _NoAnswer
            elif sha256(answer.body) != part["digest"]:
                yield f"{part['digest']} came as {sha256(answer.body)}"
            elif kind == "manifests":
                async for word in self._lacking(place, json.loads(answer.body)):
                    yield word

    async def untag(self, place: Place, tag: str) -> None:
        began = self.now()
        answer = await self.door(place).ask("DELETE", f"{place.repository}/manifests/{tag}")
        heard = _heard(answer, done=(202,), absent=(404,))
        self.note(Kind.UNTAG, place, began, heard, tag=tag, said=_said(answer, heard))

    async def delete_tag(self, place: Place, tag: str) -> None:
        began = self.now()
        heard, answer, said = await self._batch_delete(place, {"imageTag": tag})
        digest = answer["imageIds"][0]["imageDigest"] if heard is Heard.DONE else None
        self.note(Kind.DELETE_TAG, place, began, heard, tag=tag, digest=digest, said=said)

    async def delete_image(self, place: Place, digest: str) -> None:
        began = self.now()
        heard, _, said = await self._batch_delete(place, {"imageDigest": digest})
        self.note(Kind.DELETE_IMAGE, place, began, heard, digest=digest, said=said)

    async def _batch_delete(self, place: Place, image: dict[str, str]) -> tuple[Heard, Any, tuple[str, ...]]:
        ecr, name = self.door(place).ecr, place.repository
        heard, answer, said = await _called(ecr.batch_delete_image, repositoryName=name, imageIds=[image])
        if heard is Heard.DONE and answer["failures"]:
            code = answer["failures"][0]["failureCode"]
            return (Heard.ABSENT, answer, ()) if code == "ImageNotFound" else (Heard.WRONG, answer, (code,))
        return heard, answer, said

    async def follow(self, place: Place, digest: str) -> None:
        """Ask how far the copies of an image are, and pull each that is said to be complete."""
        began = self.now()
        ask = self.door(place).ecr.describe_image_replication_status
        heard, answer, said = await _called(ask, repositoryName=place.repository, imageId={"imageDigest": digest})
        if heard is Heard.WRONG and said[0] == "ImageNotFoundException":
            return
        if heard is not Heard.DONE:
            self.note(Kind.STATUS, place, began, heard, digest=digest, said=said)
            return
        copies = answer["replicationStatuses"]
        words = tuple(f"{copy['registryId']}/{copy['region']}={copy['status']}" for copy in copies)
        self.note(Kind.STATUS, place, began, heard, digest=digest, said=words)
        for copy in copies:
            if copy["status"] == "COMPLETE":
                await self.read_image(Place(copy["registryId"], copy["region"], place.repository), digest)


def _heard(answer: Answer, done: tuple[int, ...], absent: tuple[int, ...] = ()) -> Heard:
    if answer.status is None:
        return Heard.UNKNOWN if answer.was_sent else Heard.REFUSED
    if answer.status in done:
        return Heard.DONE
    if answer.status in absent:
        return Heard.ABSENT
    return _of_trouble(answer.words) if answer.status == 503 else Heard.WRONG


def _of_trouble(words: str) -> Heard:
    """An answer of a server whose database is in trouble says what became of the change."""
    if NOTHING_CHANGED in words:
        return Heard.REFUSED
    return Heard.UNKNOWN if MAY_BE_STORED in words else Heard.WRONG


def _said(answer: Answer, heard: Heard) -> tuple[str, ...]:
    return (f"{answer.status}", answer.words) if heard is Heard.WRONG else ()


async def _called(ask: Callable[..., Any], **words: Any) -> tuple[Heard, Any, tuple[str, ...]]:  # noqa: ANN401
    """Ask ECR once. The words say what was wrong, if something was."""
    try:
        return Heard.DONE, await asyncio.to_thread(ask, **words), ()
    except EndpointConnectionError:
        return Heard.REFUSED, None, ()
    except BotoCoreError:
        return Heard.UNKNOWN, None, ()
    except ClientError as refusal:
        error = refusal.response["Error"]
        heard = _of_trouble(error["Message"]) if error["Code"] == "ServerException" else Heard.WRONG
        return heard, None, ((error["Code"], error["Message"]) if heard is Heard.WRONG else ())
