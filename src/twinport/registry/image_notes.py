"""The lines of the log about images that a policy deleted, or that were moved to the archive.

Each is noted in the transaction that did it, then written to the log, and then the note is deleted. What a process
leaves behind, another one tells (registry/storage_moves.py). So each image has its line at least once.
"""

from collections.abc import Sequence

from twinport.catalog.ports import Database
from twinport.catalog.regional import image_notes
from twinport.catalog.regional.image_notes import Note
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.content import Digest
from twinport.model.lifecycle import Action
from twinport.model.lifecycle_policies import ActionType
from twinport.model.names import RepositoryId

_SHOWN_TAGS = 20
_EVENTS = {ActionType.EXPIRE: Event.IMAGE_EXPIRED, ActionType.TRANSITION: Event.IMAGE_ARCHIVED}
_NAMED = {"image.expired": Event.IMAGE_EXPIRED, "image.archived": Event.IMAGE_ARCHIVED}


def of_action(repository: RepositoryId, action: Action) -> Note:
    """Describe what a policy did to an image."""
    image = action.image
    tags = ", ".join(image.tags[:_SHOWN_TAGS]) or None
    when = image.pushed_at.isoformat(timespec="seconds")
    about = {"digest": image.digest, "tags": tags, "priority": action.priority, "pushed_at": when}
    return Note(_EVENTS[action.kind].value, _place(repository) | about)


def of_archived(repository: RepositoryId, digest: Digest) -> Note:
    """Describe a move to the archive that no rule of a policy made."""
    about: dict[str, str | int | None] = {"digest": str(digest), "priority": None}
    return Note(Event.IMAGE_ARCHIVED.value, _place(repository) | about)


def tell(notes: Sequence[Note]) -> None:
    """Write lines to the log."""
    for each in notes:
        telemetry.event(
            _NAMED[each.event],
            account=each.facts["account"],
            region=each.facts["region"],
            repository=each.facts["repository"],
            digest=each.facts["digest"],
            tags=each.facts.get("tags"),
            priority=each.facts["priority"],
            pushed_at=each.facts.get("pushed_at"),
        )


async def tell_all(database: Database, step: str, notes: Sequence[Note]) -> None:
    """Write the lines of a transaction to the log, and forget its notes."""
    if notes:
        tell(notes)
        await database.write(lambda db: image_notes.forget(db, step))


def _place(repository: RepositoryId) -> dict[str, str | int | None]:
    return {"account": repository.account, "region": repository.region, "repository": repository.name}
