"""Providers of OpenID Connect."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "oidc_provider",
        sa.Column("arn", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("client_ids", TEXT, nullable=False),
        sa.Column("thumbprints", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("arn"),
    )
    op.create_index("oidc_provider_by_account", "oidc_provider", ["account"], unique=False)
