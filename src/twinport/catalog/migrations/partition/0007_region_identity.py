"""The identity of a Region's database, which the partition knows, so that a lost one is never made anew."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Compared by bytes, as on SQLite.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("region", sa.Column("identity", TEXT, nullable=True))
