"""Copies that failed are owed again at the position that they had."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("repetition", sa.Integer(), server_default=sa.text("0"), nullable=False))
