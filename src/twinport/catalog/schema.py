"""The tables: one set for the partition (IAM and STS), one for each Region (ECR).

Rows are written by the modules beside this one and by nobody else. Documents that are kept as sent (policies,
manifests) are text or bytes; small structures that are read as a whole are JSON text.
"""

from sqlalchemy import (
    Column,
    MetaData,
    Table,
)

from twinport.catalog.columns import Instant, Text


def leases(metadata: MetaData) -> Table:
    """What one process at a time should do, and who does it until when: see `catalog/leases.py`."""
    return Table(
        "lease",
        metadata,
        Column("name", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("until", Instant, nullable=False),
    )
