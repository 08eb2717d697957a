"""The partition as it was when revisions began to be noted."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A migration stays as it was: it names no type of today's schema.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "access_key",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("sealed_secret", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_region", TEXT, nullable=True),
        sa.Column("last_used_service", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("access_key_by_owner", "access_key", ["owner_id"], unique=False)
    op.create_table(
        "account",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "attachment",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("policy_arn", TEXT, nullable=False),
        sa.Column("attached_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "policy_arn"),
    )
    op.create_index("attachment_by_policy", "attachment", ["policy_arn"], unique=False)
    op.create_table(
        "boundary",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("policy_arn", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id"),
    )
    op.create_index("boundary_by_policy", "boundary", ["policy_arn"], unique=False)
    op.create_table(
        "console_session",
        sa.Column("token_hash", TEXT, nullable=False),
        sa.Column("principal_id", TEXT, nullable=False),
        sa.Column("access_key_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("console_session_by_expiry", "console_session", ["expires_at"], unique=False)
    op.create_table(
        "deletion_task",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("role_id", TEXT, nullable=False),
        sa.Column("role_name", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("usage", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "generation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "group",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unique_id"),
        sa.UniqueConstraint("account", "name_key"),
    )
    op.create_table(
        "identity_tag",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("key_lower", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "key_lower"),
    )
    op.create_table(
        "inline_policy",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "name"),
    )
    op.create_table(
        "login_profile",
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("password", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "managed_policy",
        sa.Column("arn", TEXT, nullable=False),
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("default_version", sa.Integer(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("arn"),
        sa.UniqueConstraint("account", "name_key"),
    )
    op.create_table(
        "policy_version",
        sa.Column("policy_arn", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy_arn", "version"),
    )
    op.create_table(
        "region",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "role",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("trust", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("max_session_seconds", sa.Integer(), nullable=False),
        sa.Column("service", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_region", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("unique_id"),
        sa.UniqueConstraint("account", "name_key"),
    )
    op.create_table(
        "session",
        sa.Column("access_key_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("principal_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("sealed_secret", TEXT, nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("facts", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("access_key_id"),
    )
    op.create_index("session_by_expiry", "session", ["expires_at"], unique=False)
    op.create_table(
        "site_key",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_private_key", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "user",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unique_id"),
        sa.UniqueConstraint("account", "name_key"),
    )
    op.create_table(
        "membership",
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("group_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.unique_id"]),
        sa.ForeignKeyConstraint(["user_id"], ["user.unique_id"]),
        sa.PrimaryKeyConstraint("user_id", "group_id"),
    )
    op.create_index("membership_by_group", "membership", ["group_id"], unique=False)
