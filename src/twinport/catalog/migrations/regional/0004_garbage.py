"""Garbage collection, and verification of bytes."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("blob", sa.Column("verified_at", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("blob", sa.Column("damage", TEXT, nullable=True))
    op.add_column("blob", sa.Column("damaged_at", sa.BigInteger(), nullable=True))
    op.create_index("blob_by_verification", "blob", ["verified_at", "digest"])
    op.add_column("discarded_key", sa.Column("lease_until", sa.BigInteger(), nullable=True))
    op.create_index("discarded_key_by_time", "discarded_key", ["discarded_at"])
    op.create_index("upload_by_time", "upload", ["touched_at"])
    op.create_index("upload_segment_by_key", "upload_segment", ["key"])
    op.create_index("offer_blob_by_key", "offer_blob", ["key"])
    _make_tables()
    _review_what_is_there()


def _make_tables() -> None:
    op.create_table(
        "layer_review",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "digest"),
    )
    op.create_index("layer_review_by_time", "layer_review", ["since"])
    op.create_table(
        "blob_review",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("blob_review_by_time", "blob_review", ["since"])
    op.create_table(
        "chore",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("position", TEXT, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _review_what_is_there() -> None:
    """Note unused layers and blobs as unused since now, because no earlier release noted when they became so."""
    now = time.time_ns() // 1000
    op.execute(
        "INSERT INTO layer_review (repository_id, digest, since) "  # noqa: S608 — a number
        f"SELECT repository_id, digest, {now} FROM repository_blob AS held WHERE NOT EXISTS "
        "(SELECT 1 FROM manifest_blob AS named "
        "WHERE named.repository_id = held.repository_id AND named.digest = held.digest)"
    )
    op.execute(
        f"INSERT INTO blob_review (digest, since) SELECT digest, {now} FROM blob WHERE NOT EXISTS "  # noqa: S608
        "(SELECT 1 FROM repository_blob AS held WHERE held.digest = blob.digest)"
    )
    op.execute("UPDATE blob SET verified_at = created_at")
