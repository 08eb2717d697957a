"""What the pages of images say of one image: its kind, its status in words, and the states of its copies."""

from dataclasses import dataclass

from twinport.console import words
from twinport.console.visits import Visit
from twinport.console.words import CopyState
from twinport.errors import AccessDenied
from twinport.model.images import ImageDetail, ImageId, ImageStatus
from twinport.model.manifests import INDEX_TYPES
from twinport.model.names import RepositoryName
from twinport.refusals.images import ImageNotFound
from twinport.registry.replication import Replication

_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_STATUS = {
    ImageStatus.ACTIVE: ("active", "good"),
    ImageStatus.ARCHIVED: ("archived", "calm"),
    ImageStatus.ACTIVATING: ("being restored", "busy"),
}


@dataclass(frozen=True, slots=True)
class Status:
    """Whether an image can be pulled. `tone` is the color of `word`, `ecr` is ECR's word."""

    word: str
    tone: str
    ecr: str
    is_settled: bool


def status(detail: ImageDetail) -> Status:
    return status_of(detail.status)


def status_of(given: ImageStatus) -> Status:
    word, tone = _STATUS[given]
    return Status(word, tone, given.value, given is not ImageStatus.ACTIVATING)


def kind(detail: ImageDetail) -> str:
    if detail.media_type in INDEX_TYPES:
        return "index"
    is_image = detail.artifact_type in (None, *_CONFIGS) and detail.subject is None
    return "image" if is_image else "artifact"


async def copies(
    replication: Replication, visit: Visit, name: RepositoryName, detail: ImageDetail
) -> tuple[tuple[CopyState, ...], str]:
    """Return the copies of an image, and the reason if the visitor may not see them."""
    try:
        found = await replication.status(visit.caller, visit.registry.repository(name), ImageId(detail.digest, None))
    except AccessDenied as refusal:
        return (), refusal.message
    except ImageNotFound:
        return (), ""
    return tuple(words.copy_state(report) for report in found.reports), ""


def in_motion(copies_under_way: int, restores: int) -> str:
    """Say what of a page is not settled yet. Empty if all is."""
    told = []
    if copies_under_way:
        told.append(f"{copies_under_way} {'copy is' if copies_under_way == 1 else 'copies are'} in progress.")
    if restores:
        told.append(f"{restores} {'image is' if restores == 1 else 'images are'} being restored.")
    return " ".join(told)
