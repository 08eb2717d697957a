"""Instance profiles, account aliases, and when a password was last used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "instance_profile",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("role_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("unique_id"),
        sa.UniqueConstraint("account", "name_key"),
    )
    op.create_index("instance_profile_by_role", "instance_profile", ["role_id"], unique=False)
    op.create_table(
        "account_alias",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("alias", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sa.UniqueConstraint("alias"),
    )
    op.add_column("user", sa.Column("password_last_used_at", sa.BigInteger(), nullable=True))
