"""Lifecycle policies and their previews, the archive, and the last pull of an image."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _images()
    op.create_table(
        "lifecycle_policy",
        _repository(),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("evaluated_at", sa.BigInteger()),
    )
    op.create_index("lifecycle_policy_by_time", "lifecycle_policy", ["due_at"])
    _previews()


def _images() -> None:
    op.create_table(
        "image_storage",
        sa.Column("repository_id", sa.Integer(), primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("archived_at", sa.BigInteger()),
        sa.Column("activated_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["repository_id", "digest"], ["manifest.repository_id", "manifest.digest"], ondelete="CASCADE"
        ),
    )
    op.create_index("image_storage_by_status", "image_storage", ["status", "repository_id", "digest"])
    op.create_table(
        "image_pull",
        _repository(),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("pulled_at", sa.BigInteger(), nullable=False),
    )


def _previews() -> None:
    op.create_table(
        "lifecycle_preview",
        _repository(),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("expiring", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("archiving", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_index("lifecycle_preview_by_time", "lifecycle_preview", ["due_at"])
    op.create_table(
        "lifecycle_preview_result",
        _repository(),
        sa.Column("number", sa.BigInteger(), primary_key=True),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("pushed_at", sa.BigInteger(), nullable=False),
        sa.Column("storage", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("priority", sa.BigInteger()),
    )
    op.create_index("lifecycle_preview_result_by_digest", "lifecycle_preview_result", ["repository_id", "digest"])


def _repository() -> sa.Column[int]:
    return sa.Column(
        "repository_id", sa.Integer(), sa.ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True
    )
