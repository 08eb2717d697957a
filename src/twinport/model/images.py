"""Repositories and images as values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from twinport.model.content import Digest
from twinport.model.names import Registry, RepositoryName


class Mutability(Enum):
    """Whether a tag may be moved (ImageTagMutability of the service model)."""

    MUTABLE = "MUTABLE"
    IMMUTABLE = "IMMUTABLE"
    IMMUTABLE_WITH_EXCLUSION = "IMMUTABLE_WITH_EXCLUSION"
    MUTABLE_WITH_EXCLUSION = "MUTABLE_WITH_EXCLUSION"


@dataclass(frozen=True, slots=True)
class TagRule:
    """A repository's mutability with the wildcard patterns that are excluded from it."""

    mutability: Mutability = Mutability.MUTABLE
    exclusions: tuple[str, ...] = ()

    def forbids_moving(self, tag: str) -> bool:
        """Tell whether an existing `tag` must stay on the image it names."""
        excluded = any(_wildcard(pattern).fullmatch(tag) for pattern in self.exclusions)
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
    """What a repository is created with. The defaults are those of a replica's repository and of a plain request."""

    tag_rule: TagRule = TagRule()
    scan_on_push: bool = False
    encryption: str = "AES256"
    tags: Mapping[str, str] = field(default_factory=dict)


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

    @property
    def arn(self) -> str:
        return self.registry.repository_arn(self.name)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a tag's change stands in its registry's history.

    `sequence` is one counter per registry, taken while the tag's row is locked and never reused; `epoch` is new
    (and greater) after a restore, a reset or a fork. Positions of different registries are never compared.
    """

    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class ImageId:
    """What a request names: a digest, a tag, or both."""

    digest: Digest | None
    tag: str | None


def _wildcard(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which only `*` is special (up to five of at most 128 characters a repository)."""
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)
