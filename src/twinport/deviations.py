"""The closed list of ways in which `/v2/` may leave the standard for what Amazon ECR does.

None of them is on unless the operator says so. The AWS doors need none: they are always ECR's. What each one does, and
what is known of ECR's behaviour, is in docs/reference/deviations.md.
"""

from dataclasses import dataclass
from enum import Enum


class Deviation(Enum):
    """One deviation each, by the name that the setting `deviations` uses."""

    CHUNK_CREATED = "chunk-created"
    PART_MINIMUM = "part-minimum"
    UNSUPPORTED_MANIFEST = "unsupported-manifest"
    LIST_LIMITS = "list-limits"
    TAGS_AS_TEXT = "tags-as-text"
    LAYER_REDIRECT = "layer-redirect"
    NO_MOUNTS = "no-mounts"
    NO_BLOB_DELETION = "no-blob-deletion"
    QUOTAS = "quotas"
    RATES = "rates"


Deviations = frozenset[Deviation]
STANDARD: Deviations = frozenset()
AS_ECR: Deviations = frozenset(Deviation)


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many there may be; None is without a limit. `images` are those of one repository."""

    repositories: int | None = None
    images: int | None = None


UNLIMITED = Quotas()
# ECR's quotas for an account in a Region, before anybody asks for more.
ECR_QUOTAS = Quotas(repositories=100_000, images=100_000)


def quotas_of(deviations: Deviations) -> Quotas:
    return ECR_QUOTAS if Deviation.QUOTAS in deviations else UNLIMITED
