"""The identity of a Region's database, which the partition knows, so that a lost one is never made anew."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Compared by bytes, as on SQLite.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("history", sa.Column("identity", TEXT, nullable=True))
    history = sa.table("history", sa.column("identity", sa.Text()))
    op.get_bind().execute(sa.update(history).values(identity=secrets.token_hex(16)))
