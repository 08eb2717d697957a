"""The deliveries that a change of an image owes, by the rules of its registry (law 3)."""

from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, outbox, registries
from twinport.landing import planner
from twinport.landing.terms import Home
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.replication import PlannedDelivery


def owe(db: Connection, home: Home, digest: Digest, tag: str | None, position: Position) -> None:
    """Owe an image under a tag, or under none, to every destination."""
    outbox.owe(db, home.repository.registry, _planned(home, digest, tag), position, home.now)


def owe_unmoved(db: Connection, home: Home, digest: Digest, tag: str | None) -> None:
    """As `owe`, for an image that came back under a tag that did not move."""
    owe(db, home, digest, tag, _position(db, home, tag))


def owe_again(db: Connection, home: Home, digest: Digest, tag: str | None) -> bool:
    """Owe an unchanged image again to those current destinations whose copy failed. Tell whether there are any.

    The reason is in docs/decisions/0023-failed-copies-and-the-same-push.md.
    """
    registry = home.repository.registry
    failed = outbox.failed(db, registry.account, _planned(home, digest, tag))
    if not failed:
        return False
    outbox.owe(db, registry, failed, _position(db, home, tag), home.now)
    return True


def _planned(home: Home, digest: Digest, tag: str | None) -> tuple[PlannedDelivery, ...]:
    repository = home.repository
    return planner.plan(home.settings.replication, repository.registry, repository.name, digest, tag)


def _position(db: Connection, home: Home, tag: str | None) -> Position:
    """Return the position of a tag, at which a copy moves nothing back; without a tag, a new one."""
    account = home.repository.registry.account
    return registries.next_position(db, account) if tag is None else images.position(db, home.repository.id, tag)
