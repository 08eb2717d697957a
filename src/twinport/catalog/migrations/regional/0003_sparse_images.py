"""Images may be stored before everything that they refer to, where the operator allows it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("manifest", sa.Column("sparse", sa.Boolean(), server_default=sa.false(), nullable=False))
