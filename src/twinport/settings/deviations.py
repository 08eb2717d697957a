"""The closed list of deviations, where `/v2/` may follow Amazon ECR instead of the standard; and the quotas.

A deviation is on only if the operator turns it on. The AWS doors need none: they always follow ECR.
docs/reference/deviations.md explains each deviation, and what is known of ECR's behavior.
"""

from dataclasses import dataclass
from enum import Enum


class Deviation(Enum):
    """The deviations, by their names in the setting `deviations`."""

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
    """The most repositories and images; None means no limit. `images` counts the images of one repository."""

    repositories: int | None = None
    images: int | None = None


UNLIMITED = Quotas()
# ECR's default quotas for an account in a Region.
ECR_QUOTAS = Quotas(repositories=100_000, images=100_000)


def quotas_of(deviations: Deviations) -> Quotas:
    return ECR_QUOTAS if Deviation.QUOTAS in deviations else UNLIMITED
