"""Read-only mode, and a pause of garbage collection, for the whole deployment."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("read_only_since", sa.BigInteger(), nullable=True),
        sa.Column("garbage_paused_since", sa.BigInteger(), nullable=True),
        sa.Column("garbage_paused_until", sa.BigInteger(), nullable=True),
    )
