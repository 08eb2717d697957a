"""A restore from the archive in short transactions: parts first, then deliveries, and the image becomes active last.

A restored image is like one that was pushed: a delivery is owed for each of its tags. An image may have 1000 tags, and
an index 10,000 parts, so each transaction does some of it. Until the last one the image is `ACTIVATING`, so no client
can take it for whole, and a process that dies leaves the rest to the loop (registry/storage_moves.py).
"""

from datetime import datetime
from enum import Enum

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, registries, repositories, storage
from twinport.catalog.regional.repositories import Against
from twinport.catalog.regional.storage import Activating
from twinport.landing import obligations, rules
from twinport.landing.rules import DELIVERIES_AT_ONCE, PARTS_AT_ONCE
from twinport.landing.terms import Home
from twinport.model.content import Digest
from twinport.model.images import ImageStatus
from twinport.model.names import TagName


class Progress(Enum):
    """How far a restore is."""

    GOES_ON = "the next transaction does more of it"
    ENDED = "the image is active now"
    NONE = "there is nothing to restore any more"


def go_on(db: Connection, each: Activating, now: datetime) -> Progress:
    """Restore some more of an image: its parts, its deliveries, and at last the image itself; each with its scan.

    A delivery has the position that the tag has already: it moves nothing back at its destination.
    """
    settings = registries.hold(db, each.repository.account)
    repository = repositories.find_locked(db, each.repository, Against.CHANGES)
    if repository is None or storage.status_of(db, repository.id, each.digest) is not ImageStatus.ACTIVATING:
        return Progress.NONE
    home = Home(repository, settings, now)
    parts = rules.restore_parts(db, home, each.digest, PARTS_AT_ONCE)
    if len(parts) == PARTS_AT_ONCE or _owe_some(db, home, each.digest):
        return Progress.GOES_ON
    rules.restore(db, home, each.digest)
    return Progress.ENDED


def _owe_some(db: Connection, home: Home, digest: Digest) -> bool:
    """Owe the deliveries of the next tags. Tell whether there are more."""
    owner = home.repository.id
    if images.is_sparse(db, owner, digest):
        return False
    last = storage.owed_to(db, owner, digest)
    left = [TagName(tag) for tag in images.tags_of(db, owner, digest, last or "")]
    limit = obligations.in_one_transaction(home, digest, left, DELIVERIES_AT_ONCE)
    if left or last is None:
        obligations.owe_unmoved(db, home, digest, left[:limit] or [None])
    if len(left) <= limit:
        return False
    storage.note_owed_to(db, owner, digest, left[limit - 1])
    return True
