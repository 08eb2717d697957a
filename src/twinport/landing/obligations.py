"""The deliveries that changes of an image owe, by the rules of its registry (law 3)."""

from collections.abc import Mapping, Sequence

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, outbox, registries
from twinport.landing import planner
from twinport.landing.terms import Home
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import TagName
from twinport.model.replication import PlannedDelivery

Tags = Sequence[TagName | None]


def owe(db: Connection, home: Home, digest: Digest, changes: Mapping[TagName | None, Position]) -> None:
    """Owe an image to every destination under some tags, or under none, each at the position of its change."""
    planned = _planned(home, digest, tuple(changes))
    _owe(db, home, planned, changes)


def owe_unmoved(db: Connection, home: Home, digest: Digest, tags: Tags) -> None:
    """As `owe`, for an image that came back under tags that did not move."""
    owe(db, home, digest, _positions(db, home, tags))


def owe_again(db: Connection, home: Home, digest: Digest, tags: Tags) -> bool:
    """Owe an unchanged image again to those current destinations whose copy failed. Tell whether there are any.

    The reason is in docs/decisions/0023-failed-copies-and-the-same-push.md.
    """
    planned = _planned(home, digest, tags)
    failed = outbox.failed(db, home.repository.registry.account, planned) if planned else ()
    if not failed:
        return False
    owed = [each.tag for each in failed]
    _owe(db, home, failed, _positions(db, home, [tag for tag in tags if tag in owed]))
    return True


def in_one_transaction(home: Home, digest: Digest, tags: Tags, limit: int) -> int:
    """Return how many of the tags may be owed in a transaction of so many deliveries: one at least, all if none is."""
    destinations = len(_planned(home, digest, (None,)))
    return max(1, limit // destinations) if destinations else len(tags)


def _owe(
    db: Connection, home: Home, planned: Sequence[PlannedDelivery], positions: Mapping[TagName | None, Position]
) -> None:
    by_tag: dict[str | None, Position] = dict(positions.items())
    owed = [(each, by_tag[each.tag]) for each in planned]
    outbox.owe_all(db, home.repository.registry, owed, home.now)


def _planned(home: Home, digest: Digest, tags: Tags) -> tuple[PlannedDelivery, ...]:
    repository = home.repository
    return planner.plan(home.settings.replication, repository.identity, digest, tags)


def _positions(db: Connection, home: Home, tags: Tags) -> Mapping[TagName | None, Position]:
    """Return the positions of tags, at which a copy moves nothing back; without a tag, a new one."""
    named = images.positions(db, home.repository.id, [tag for tag in tags if tag is not None])
    found: dict[TagName | None, Position] = {TagName(tag): position for tag, position in named.items()}
    if None in tags:
        found[None] = registries.next_position(db, home.repository.registry.account)
    return found
