"""Repository creation templates."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "creation_template",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("prefix", TEXT, nullable=False),
        sa.Column("given_prefix", TEXT, nullable=False),
        sa.Column("applied_for", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("encryption", TEXT, nullable=False),
        sa.Column("kms_key", TEXT, nullable=True),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("mutability", TEXT, nullable=False),
        sa.Column("exclusions", TEXT, nullable=False),
        sa.Column("policy", TEXT, nullable=True),
        sa.Column("lifecycle", TEXT, nullable=True),
        sa.Column("role_arn", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "prefix"),
    )
