"""Images are listed from indexes: by the time of their push, by size, and by the time of their archiving."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_index("manifest_by_time", "manifest", ["repository_id", "pushed_at", "digest"], unique=False)
    op.create_index("manifest_by_size", "manifest", ["repository_id", "image_size", "digest"], unique=False)
    op.create_index(
        "image_storage_by_archiving",
        "image_storage",
        ["repository_id", "status", "archived_at", "digest"],
        unique=False,
    )
