"""Repositories and images as values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from twinport.model import wildcards
from twinport.model.content import Digest
from twinport.model.encryption import AES256
from twinport.model.names import Registry, RepositoryId, RepositoryName
from twinport.model.scanning import Scan
from twinport.refusals.requests import InvalidParameter

_FILTERS = "imageTagMutabilityExclusionFilters"
_FILTERS_TYPE = "ImageTagMutabilityExclusionFilters"

# ECR's quota, which AWS does not raise.
TAGS_PER_IMAGE = 1000


class Mutability(Enum):
    """Whether a tag may move to another image (ImageTagMutability of the service model)."""

    MUTABLE = "MUTABLE"
    IMMUTABLE = "IMMUTABLE"
    IMMUTABLE_WITH_EXCLUSION = "IMMUTABLE_WITH_EXCLUSION"
    MUTABLE_WITH_EXCLUSION = "MUTABLE_WITH_EXCLUSION"

    @property
    def has_exclusions(self) -> bool:
        return self in (Mutability.IMMUTABLE_WITH_EXCLUSION, Mutability.MUTABLE_WITH_EXCLUSION)


@dataclass(frozen=True, slots=True)
class TagRule:
    """A repository's mutability, and the wildcard patterns of the tags that are excluded from it."""

    mutability: Mutability = Mutability.MUTABLE
    exclusions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, mutability: str, exclusions: Sequence[str]) -> "TagRule":
        """Build a rule from a request's mutability and exclusions. Raises InvalidParameter unless they fit together."""
        parsed = Mutability(mutability)
        if parsed.has_exclusions and not exclusions:
            raise InvalidParameter(
                _FILTERS, f"{_FILTERS_TYPE} can't be null when imageTagMutability is set as {mutability}"
            )
        if exclusions and not parsed.has_exclusions:
            raise InvalidParameter(
                _FILTERS, f"{_FILTERS_TYPE} must be null when imageTagMutability is set as {mutability}"
            )
        return cls(parsed, tuple(exclusions))

    def forbids_moving(self, tag: str) -> bool:
        """Tell whether an existing `tag` must stay on the image it names."""
        excluded = any(wildcards.matches(pattern, tag) for pattern in self.exclusions)
        match self.mutability:
            case Mutability.MUTABLE:
                return False
            case Mutability.IMMUTABLE:
                return True
            case Mutability.IMMUTABLE_WITH_EXCLUSION:
                return not excluded
            case Mutability.MUTABLE_WITH_EXCLUSION:
                return excluded


@dataclass(frozen=True, slots=True)
class NewRepository:
    """The settings of a new repository. The defaults are for a replica's repository and for a plain request.

    A creation template also gives it `policy`, as it is stored.
    """

    tag_rule: TagRule = TagRule()
    scan_on_push: bool = False
    encryption: str = AES256
    kms_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's row, without its images. `id` is unique within the Region's database."""

    id: int
    registry: Registry
    name: RepositoryName
    created_at: datetime
    tag_rule: TagRule
    scan_on_push: bool
    encryption: str
    kms_key: str | None = None

    @property
    def identity(self) -> RepositoryId:
        return RepositoryId(self.registry, self.name)

    @property
    def arn(self) -> str:
        return self.registry.repository_arn(self.name)

    def is_encrypted_as(self, other: "Repository") -> bool:
        """Tell whether another repository has the same encryption with the same key."""
        return (self.encryption, self.kms_key) == (other.encryption, other.kms_key)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The place of a tag's change in its registry's history.

    `sequence` is one counter per registry. It is taken while the tag's row is locked, and never reused. `epoch` is new
    (and greater) after a restore, a reset or a fork. Positions of different registries are never compared.
    """

    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class ImageId:
    """An image as a request names it: by a digest, a tag, or both."""

    digest: Digest | None
    tag: str | None


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image as a request names it, before any part is validated."""

    digest: str | None = None
    tag: str | None = None


class TagStatus(Enum):
    """Which images a list includes (TagStatus of the service model)."""

    ANY = "ANY"
    TAGGED = "TAGGED"
    UNTAGGED = "UNTAGGED"


class ImageStatus(Enum):
    """Whether an image can be pulled (ImageStatus of the service model). `ACTIVATING`: a restore is under way."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    ACTIVATING = "ACTIVATING"


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images a list includes. Without a status it includes images of every status."""

    tags: TagStatus = TagStatus.ANY
    status: ImageStatus | None = ImageStatus.ACTIVE

    @property
    def words(self) -> tuple[str, str]:
        return self.tags.value, self.status.value if self.status else "ANY"


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest's bytes as pushed, and the tag in the request for it."""

    content: bytes
    digest: Digest
    media_type: str
    tag: str | None = None
    status: ImageStatus = ImageStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class ImageDetail:
    """The facts of an image. `size` counts config and layers; the size of an index is that of its largest child.

    `came_from` is the source registry of a replica. `scan` is the scan of the type that its registry has now.
    `archived_at` and `activated_at` are when it was last moved to the archive and back; `pulled_at` is its last
    recorded pull.
    """

    digest: Digest
    tags: tuple[str, ...]
    size: int
    pushed_at: datetime
    media_type: str
    artifact_type: str | None
    subject: Digest | None
    came_from: Registry | None = None
    scan: Scan | None = None
    status: ImageStatus = ImageStatus.ACTIVE
    archived_at: datetime | None = None
    activated_at: datetime | None = None
    pulled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReferrerFilter:
    """Which referrers a list includes: those of the artifact `types`, if any are given, and of a status, if one is."""

    types: Sequence[str] = ()
    status: ImageStatus | None = ImageStatus.ACTIVE


class Referrer(NamedTuple):
    """A manifest that names another as its subject. `size` is that of its own bytes.

    `name` is its digest as text, and `written_annotations` is JSON, both as they are stored: a list of a thousand is
    written without reading them. A tuple is made in a fifth of the time of a data class.
    """

    name: str
    media_type: str
    size: int
    artifact_type: str | None
    written_annotations: str | None
    status: ImageStatus = ImageStatus.ACTIVE

    @property
    def digest(self) -> Digest:
        return Digest.parse(self.name)

    @property
    def annotations(self) -> Mapping[str, str]:
        found: Mapping[str, str] = json.loads(self.written_annotations) if self.written_annotations else {}
        return found
