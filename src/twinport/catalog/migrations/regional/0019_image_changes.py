"""Lifecycle policies count the changes of their repository's images."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    count = sa.Column("image_changes", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    op.add_column("lifecycle_policy", count)
