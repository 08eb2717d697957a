"""Rules for the tables of both databases, and the table that both have.

Only the catalog writes rows. Documents that are kept as sent (policies, manifests) are text or bytes; small structures
that are read as a whole are JSON text.
"""

from sqlalchemy import (
    Column,
    MetaData,
    Table,
)

from twinport.catalog.engine.columns import Instant, Text


def leases(metadata: MetaData) -> Table:
    """Return the table of leases: work for one process, its holder, and its time (`catalog/regional/leases.py`)."""
    return Table(
        "lease",
        metadata,
        Column("name", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("until", Instant, nullable=False),
    )
