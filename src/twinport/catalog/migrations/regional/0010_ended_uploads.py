"""Uploads that ended are emptied some segments at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("upload", sa.Column("ended_at", sa.BigInteger(), nullable=True))
    op.drop_index("upload_by_time", "upload")
    op.create_index("upload_by_time", "upload", ["ended_at", "touched_at"])
