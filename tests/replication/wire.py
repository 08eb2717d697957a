"""What a wire carries of the protocol: a head in JSON, then frames of bytes. Nothing else knows how objects look."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from twinport.access.lane_sessions import Authorization
from twinport.errors import AccessDenied, Refusal, Unavailable
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.manifests import Descriptor
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import FailureCode, TagOutcome
from twinport.refusals.callers import CredentialsUnknown, SessionExpired
from twinport.refusals.images import DigestMismatch, LayerNotFound, SizeMismatch
from twinport.refusals.storage import ArrivalBusy, Interrupted, OfferExpired
from twinport.replication.destination import (
    Adopted,
    Behind,
    CommitAnswer,
    Done,
    Held,
    Missing,
    NotShared,
    Offer,
    OfferAnswer,
    OfferedBlob,
    OfferedBlobs,
    OfferedImage,
    Refused,
    WrongOffset,
)

Head = dict[str, Any]
ImageAnswer = Missing | Done | Refused | Behind
BytesAnswer = Held | WrongOffset | NotShared | Adopted
_LENGTH = 4
_REFUSALS: dict[str, type[Refusal]] = {
    each.__name__: each
    for each in (
        AccessDenied,
        ArrivalBusy,
        CredentialsUnknown,
        DigestMismatch,
        LayerNotFound,
        OfferExpired,
        Refusal,
        SessionExpired,
        SizeMismatch,
        Unavailable,
    )
}


# --- messages ---------------------------------------------------------------------------------------------


def pack(head: Head, frames: Iterable[bytes] = ()) -> bytes:
    """Frame a message. The last frame is empty: a message without it was cut off."""
    return b"".join(_framed(frame) for frame in (json.dumps(head).encode(), *frames, b""))


def head_of(message: bytes) -> Head:
    head: Head = json.loads(next(_frames(message)))
    return head


def frames_of(message: bytes) -> Iterator[bytes]:
    """Yield the frames after the head. Raises Interrupted where the message was cut off."""
    frames = _frames(message)
    next(frames)
    yield from frames


async def stream_of(message: bytes) -> AsyncIterator[bytes]:
    for frame in frames_of(message):
        yield frame


def _framed(content: bytes) -> bytes:
    return len(content).to_bytes(_LENGTH, "big") + content


def _frames(message: bytes) -> Iterator[bytes]:
    begin = 0
    while True:
        end = begin + _LENGTH + int.from_bytes(message[begin : begin + _LENGTH], "big")
        if len(message) < end:
            raise Interrupted("the message was cut off")
        if end == begin + _LENGTH:
            return
        yield message[begin + _LENGTH : end]
        begin = end


# --- what is asked ------------------------------------------------------------------------------------------


def written_authorization(authorization: Authorization) -> Head:
    return {"token": authorization.token, "signature": authorization.signature.hex()}


def read_authorization(head: Head) -> Authorization:
    return Authorization(head["token"], bytes.fromhex(head["signature"]))


def written_offer(offer: Offer) -> Head:
    return {
        "id": offer.id,
        "source": _written_registry(offer.source),
        "destination": _written_registry(offer.destination),
        "images": [_written_image(image) for image in offer.images],
    }


def contents_of(offer: Offer) -> list[bytes]:
    return [content for image in offer.images for content in image.contents.values()]


def read_offer(head: Head, frames: Iterator[bytes]) -> Offer:
    images = tuple(_read_image(image, frames) for image in head["images"])
    return Offer(head["id"], read_registry(head["source"]), read_registry(head["destination"]), images)


def written_blob(blob: OfferedBlob) -> Head:
    return {
        "offer": blob.offer,
        "source": _written_registry(blob.source),
        "destination": _written_registry(blob.destination),
        "repository": blob.repository,
        "digest": str(blob.digest),
        "size": blob.size,
    }


def written_blobs(blobs: OfferedBlobs) -> list[Head]:
    return [written_blob(blob) for blob in blobs.each]


def read_blobs(heads: list[Head]) -> OfferedBlobs:
    return OfferedBlobs(tuple(read_blob(head) for head in heads))


def read_blob(head: Head) -> OfferedBlob:
    return OfferedBlob(
        head["offer"],
        read_registry(head["source"]),
        read_registry(head["destination"]),
        RepositoryName(head["repository"]),
        Digest.parse(head["digest"]),
        head["size"],
    )


def read_registry(text: str) -> Registry:
    account, region = text.split("/")
    return Registry(AccountId(account), RegionName(region))


def _written_registry(registry: Registry) -> str:
    return f"{registry.account}/{registry.region}"


def _written_image(image: OfferedImage) -> Head:
    return {
        "delivery": image.delivery,
        "repository": image.repository,
        "digest": str(image.digest),
        "tag": image.tag,
        "position": [image.position.epoch, image.position.sequence],
        "manifests": [_written_descriptor(each) for each in image.manifests],
        "blobs": [_written_descriptor(each) for each in image.blobs],
        "contents": [str(digest) for digest in image.contents],
    }


def _read_image(head: Head, frames: Iterator[bytes]) -> OfferedImage:
    return OfferedImage(
        delivery=head["delivery"],
        repository=RepositoryName(head["repository"]),
        digest=Digest.parse(head["digest"]),
        tag=head["tag"],
        position=Position(*head["position"]),
        manifests=tuple(_read_descriptor(each) for each in head["manifests"]),
        blobs=tuple(_read_descriptor(each) for each in head["blobs"]),
        contents={Digest.parse(digest): next(frames) for digest in head["contents"]},
    )


def _written_descriptor(descriptor: Descriptor) -> list[object]:
    return [descriptor.media_type, str(descriptor.digest), descriptor.size]


def _read_descriptor(parts: list[Any]) -> Descriptor:
    return Descriptor(parts[0], Digest.parse(parts[1]), parts[2])


# --- what is answered ---------------------------------------------------------------------------------------


def written_answers(answers: Mapping[str, OfferAnswer] | Mapping[str, CommitAnswer]) -> Head:
    return {"answers": {delivery: written_answer(answer) for delivery, answer in answers.items()}}


def written_answer(answer: ImageAnswer) -> list[object]:
    match answer:
        case Missing():
            return ["missing", sorted(map(str, answer.manifests)), sorted(map(str, answer.blobs))]
        case Done():
            return ["done", answer.tag.value]
        case Refused():
            return ["refused", answer.code.value, answer.reason]
        case Behind():
            return ["behind", answer.reason]


def written_held(answer: BytesAnswer) -> list[object]:
    match answer:
        case Held():
            return ["held", answer.size]
        case WrongOffset():
            return ["wrong offset", answer.held]
        case NotShared():
            return ["not shared"]
        case Adopted():
            return ["adopted"]


def read_answer(parts: list[Any]) -> ImageAnswer:
    match parts:
        case ["missing", manifests, blobs]:
            return Missing(frozenset(map(Digest.parse, manifests)), frozenset(map(Digest.parse, blobs)))
        case ["done", tag]:
            return Done(TagOutcome(tag))
        case ["refused", code, reason]:
            return Refused(FailureCode(code), reason)
        case ["behind", reason]:
            return Behind(reason)
        case _:
            raise AssertionError(parts)


def read_held(parts: list[Any]) -> BytesAnswer:
    match parts:
        case ["held", size]:
            return Held(size)
        case ["wrong offset", held]:
            return WrongOffset(held)
        case ["not shared"]:
            return NotShared()
        case ["adopted"]:
            return Adopted()
        case _:
            raise AssertionError(parts)


def written_refusal(refusal: Refusal) -> Head:
    return {"kinds": [kind.__name__ for kind in type(refusal).__mro__], "message": refusal.message}


def read_refusal(head: Head) -> Refusal:
    """Make a refusal of the most special kind that the near side knows, with the far side's words."""
    kind = next(_REFUSALS[name] for name in head["kinds"] if name in _REFUSALS)
    refusal = kind.__new__(kind)
    Refusal.__init__(refusal, head["message"])
    return refusal
