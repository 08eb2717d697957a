"""Where an image comes in, and on which terms: what a push and a copy differ in on purpose."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from twinport.catalog.regional.registries import RegistrySettings
from twinport.model.images import Repository


class Parts(Enum):
    """Whether everything that a manifest refers to must be there already (law 2), or the operator lets it be sparse."""

    REQUIRED = "required"
    SPARSE = "sparse"


class FixedTag(Enum):
    """What a tag does that the repository's tag rule forbids to move."""

    REFUSES = "the image is refused, even the one that the tag names"
    STAYS = "the image is stored, and the tag stays where it is"


class Onward(Enum):
    """Whether a change of the image is replicated from here."""

    DELIVERED = "the destinations of the registry's rules are owed a delivery each"
    NOWHERE = "a copy travels one hop, and a sparse image none"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a push and a copy differ in on purpose. Every other rule is the same for both.

    `most_images` is the quota of images of a repository; None means no limit.
    """

    parts: Parts
    most_images: int | None
    fixed_tag: FixedTag
    onward: Onward


@dataclass(frozen=True, slots=True)
class Home:
    """The repository that an image comes into, locked, with the settings of its registry, and the time."""

    repository: Repository
    settings: RegistrySettings
    now: datetime
