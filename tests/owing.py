"""Obligations for tests, each by one change of a registry."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from twinport.catalog.regional.outbox import owe_all
from twinport.model.images import Position
from twinport.model.names import Registry
from twinport.model.replication import PlannedDelivery


def owe(
    db: Connection, source: Registry, planned: Sequence[PlannedDelivery], position: Position, now: datetime
) -> None:
    """Record the obligations of one change."""
    owe_all(db, source, [(each, position) for each in planned], now)
