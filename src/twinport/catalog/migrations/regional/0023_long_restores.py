"""A restore of an image with many tags takes several transactions, and notes how far it has come."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("image_storage", sa.Column("owed_to", TEXT))
