"""A tag has the status of its image, by which the tags of a status are read without the others."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# Most images were never in the archive, and have no row there: only tags of the others change.
FILL = """
UPDATE tag SET status = (
    SELECT image_storage.status FROM image_storage
    WHERE image_storage.repository_id = tag.repository_id AND image_storage.digest = tag.digest
)
WHERE EXISTS (
    SELECT 1 FROM image_storage
    WHERE image_storage.repository_id = tag.repository_id AND image_storage.digest = tag.digest
        AND image_storage.status != 'ACTIVE'
)
"""


def upgrade() -> None:
    op.add_column("tag", sa.Column("status", TEXT, nullable=False, server_default=sa.text("'ACTIVE'")))
    op.execute(FILL)
    op.create_index("tag_by_status", "tag", ["repository_id", "status", "digest", "name"])
    op.create_index("tag_by_status_and_name", "tag", ["repository_id", "status", "name"])
