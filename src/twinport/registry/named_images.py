"""Images as a batch names them, and the reasons why one of them failed (imageFailures of the service model)."""

import re
from dataclasses import dataclass
from enum import Enum

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images
from twinport.model.content import Digest
from twinport.model.images import ImageId, NamedImage, Repository
from twinport.refusals.images import DigestInvalid, ImageNotFound

_DIGEST_PATTERN = r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
_DIGEST = re.compile(r"[a-zA-Z0-9_+.-]+:[a-fA-F0-9]+")


class FailureCode(Enum):
    """ImageFailureCode, as far as it can happen here."""

    INVALID_DIGEST = "InvalidImageDigest"
    TAG_DOES_NOT_MATCH = "ImageTagDoesNotMatchDigest"
    NOT_FOUND = "ImageNotFound"
    NOTHING_NAMED = "MissingDigestAndTag"
    IN_AN_INDEX = "ImageReferencedByManifestList"
    INACCESSIBLE = "ImageInaccessible"


_REASONS = {
    FailureCode.INVALID_DIGEST: (
        f"Invalid request parameters: image digest should satisfy the regex '{_DIGEST_PATTERN}'"
    ),
    FailureCode.TAG_DOES_NOT_MATCH: "Requested image tag does not match the requested image digest",
    FailureCode.NOT_FOUND: "Requested image not found",
    FailureCode.NOTHING_NAMED: "Invalid request parameters: both tag and digest cannot be null",
    FailureCode.IN_AN_INDEX: "Requested image referenced by manifest list",
    FailureCode.INACCESSIBLE: "Requested image cannot be read: its manifest is damaged; push it again",
}


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """One image of a batch that failed; it does not affect the rest of the batch.

    `because` is a reason that the code alone does not tell.
    """

    named: NamedImage
    code: FailureCode
    parents: tuple[Digest, ...] = ()
    because: str = ""

    @property
    def reason(self) -> str:
        """Return ECR's sentence. For a part of indexes it names them."""
        if self.because:
            return self.because
        named = f": [{', '.join(map(str, self.parents))}]" if self.parents else ""
        return _REASONS[self.code] + named


def identify(named: NamedImage) -> ImageId | FailureCode:
    """Read how a batch names an image. A digest that is valid only in ECR's wide grammar names no existing image."""
    if not named.digest and not named.tag:
        return FailureCode.NOTHING_NAMED
    if not named.digest:
        return ImageId(None, named.tag)
    if not _DIGEST.fullmatch(named.digest):
        return FailureCode.INVALID_DIGEST
    try:
        return ImageId(Digest.parse(named.digest), named.tag)
    except DigestInvalid:
        return FailureCode.NOT_FOUND


def digest_of(db: Connection, repository: Repository, image: ImageId) -> Digest:
    """Return the digest of an image that must be there, under the tag if one is given. Raises ImageNotFound."""
    digest = image.digest if image.tag is None else images.tagged(db, repository.id, image.tag)
    matches = digest is not None and image.digest in (None, digest)
    if digest is None or not matches or not images.holds(db, repository.id, digest):
        shown = str(image.digest) if image.digest else None
        raise ImageNotFound(shown, image.tag, repository.name, repository.registry.account)
    return digest
