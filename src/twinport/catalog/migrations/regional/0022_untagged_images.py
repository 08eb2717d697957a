"""Images without tags have rows of their own, and the results of a preview are read by whether they have tags."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
UNTAGGED, TAGGED = sa.text("tags = '[]'"), sa.text("tags != '[]'")
FILL = """
INSERT INTO untagged_image (repository_id, digest, status, pushed_at, image_size)
SELECT manifest.repository_id, manifest.digest, coalesce(image_storage.status, 'ACTIVE'), pushed_at, image_size
FROM manifest LEFT JOIN image_storage
    ON image_storage.repository_id = manifest.repository_id AND image_storage.digest = manifest.digest
WHERE NOT EXISTS (
    SELECT 1 FROM tag WHERE tag.repository_id = manifest.repository_id AND tag.digest = manifest.digest
)
"""


def upgrade() -> None:
    op.create_table(
        "untagged_image",
        sa.Column("repository_id", sa.Integer(), primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("pushed_at", sa.BigInteger(), nullable=False),
        sa.Column("image_size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "digest"], ["manifest.repository_id", "manifest.digest"], ondelete="CASCADE"
        ),
    )
    op.execute(FILL)
    for name, column in (("status", "status"), ("time", "pushed_at"), ("size", "image_size")):
        op.create_index(f"untagged_image_by_{name}", "untagged_image", ["repository_id", column, "digest"])
    for name, where in (("untagged", UNTAGGED), ("tagged", TAGGED)):
        op.create_index(
            f"lifecycle_preview_result_{name}",
            "lifecycle_preview_result",
            ["repository_id", "number"],
            sqlite_where=where,
            postgresql_where=where,
        )
