"""A repository knows the media type of a layer that its images name."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("repository_blob", sa.Column("media_type", TEXT))
