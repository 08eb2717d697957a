"""A Region as it was when revisions began to be noted."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A migration stays as it was: it names no type of today's schema.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "applied_position",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("source_region", TEXT, nullable=False),
        sa.Column("source_account", TEXT, nullable=False),
        sa.Column("repository", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "source_region", "source_account", "repository", "tag"),
    )
    op.create_table(
        "arrival",
        sa.Column("delivery_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_table(
        "blob",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("source_account", TEXT, nullable=False),
        sa.Column("destination_region", TEXT, nullable=False),
        sa.Column("destination_account", TEXT, nullable=False),
        sa.Column("repository", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("failure_code", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_holder", TEXT, nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("bytes_carried", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("carried_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("delivery_by_image", "delivery", ["source_account", "repository", "digest"], unique=False)
    op.create_index(
        "delivery_waiting",
        "delivery",
        ["source_account", "destination_region", "destination_account", "due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "discarded_key",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("discarded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "fence",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("role_id", TEXT, nullable=False),
        sa.Column("task_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "role_id"),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "lane",
        sa.Column("source_account", TEXT, nullable=False),
        sa.Column("destination_region", TEXT, nullable=False),
        sa.Column("destination_account", TEXT, nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("carried_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source_account", "destination_region", "destination_account"),
    )
    op.create_table(
        "offer",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("source_region", TEXT, nullable=False),
        sa.Column("source_account", TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "registry",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("replication", TEXT, server_default=sa.text("'[]'"), nullable=False),
        sa.Column("role_id", TEXT, nullable=True),
        sa.Column("policy", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "repository",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("mutability", TEXT, nullable=False),
        sa.Column("exclusions", TEXT, server_default=sa.text("'[]'"), nullable=False),
        sa.Column("scan_on_push", sa.Boolean(), nullable=False),
        sa.Column("encryption", TEXT, nullable=False),
        sa.Column("policy", TEXT, nullable=True),
        sa.Column("policy_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "token_key",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("sealed_key", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "manifest",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("media_type", TEXT, nullable=False),
        sa.Column("artifact_type", TEXT, nullable=True),
        sa.Column("config_media_type", TEXT, nullable=True),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("annotations", TEXT, nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("image_size", sa.BigInteger(), nullable=False),
        sa.Column("pushed_at", sa.BigInteger(), nullable=False),
        sa.Column("origin", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "digest"),
    )
    op.create_index("manifest_by_subject", "manifest", ["repository_id", "subject", "digest"], unique=False)
    op.create_table(
        "manifest_blob",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("manifest", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "manifest", "digest"),
    )
    op.create_index("manifest_blob_by_digest", "manifest_blob", ["digest"], unique=False)
    op.create_table(
        "manifest_child",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("parent", TEXT, nullable=False),
        sa.Column("child", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "parent", "child"),
    )
    op.create_index("manifest_child_by_child", "manifest_child", ["repository_id", "child", "parent"], unique=False)
    op.create_table(
        "offer_blob",
        sa.Column("offer_id", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("offer_id", "digest"),
    )
    op.create_table(
        "repository_blob",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"]),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "digest"),
    )
    op.create_index("repository_blob_by_digest", "repository_blob", ["digest"], unique=False)
    op.create_table(
        "repository_tag",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "key"),
    )
    op.create_table(
        "tag",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "name"),
    )
    op.create_index("tag_by_digest", "tag", ["repository_id", "digest", "name"], unique=False)
    op.create_table(
        "upload",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "upload_segment",
        sa.Column("upload_id", TEXT, nullable=False),
        sa.Column("first_byte", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("upload_id", "first_byte"),
    )
