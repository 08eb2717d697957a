"""Positions that are forgotten when nothing older can be tried any more."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("applied_position", sa.Column("idle_since", sa.BigInteger(), nullable=True))
