"""The end of a restore from the archive, in one transaction. A restored image is like one that was pushed."""

from datetime import datetime

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, registries, repositories
from twinport.catalog.regional.repositories import Against
from twinport.catalog.regional.storage import Activating
from twinport.landing import obligations, rules
from twinport.landing.terms import Home


def finish(db: Connection, each: Activating, now: datetime) -> bool:
    """Make an image active whose restore has begun, and owe its deliveries and its scan. Tell whether that was to do.

    A delivery has the position that the tag has already: it moves nothing back at its destination.
    """
    settings = registries.hold(db, each.registry.account)
    repository = repositories.find_locked(db, each.registry, each.repository, Against.CHANGES)
    if repository is None:
        return False
    home = Home(repository, settings, now)
    if each.digest not in rules.restore(db, home, each.digest):
        return False
    if not images.is_sparse(db, repository.id, each.digest):
        for tag in images.tags_of(db, repository.id, each.digest) or (None,):
            obligations.owe_unmoved(db, home, each.digest, tag)
    return True
