"""Which account each upload counts for."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("upload", sa.Column("account", TEXT, nullable=False, server_default=""))
    op.execute(
        "UPDATE upload SET account = (SELECT repository.account FROM repository"
        " WHERE repository.id = upload.repository_id)"
    )
    op.create_index("upload_by_account", "upload", ["account", "size"], unique=False)
