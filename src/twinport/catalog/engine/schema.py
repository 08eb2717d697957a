"""The tables: one set for the partition (IAM and STS), one for each Region (ECR).

Only the modules beside this one write rows. Documents that are kept as sent (policies, manifests) are text or bytes;
small structures that are read as a whole are JSON text.
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
