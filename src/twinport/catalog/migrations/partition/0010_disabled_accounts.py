"""An account can be disabled. Code before this revision runs on it, and knows no disabled account."""

import sqlalchemy as sa
from alembic import op

from twinport.catalog.engine.columns import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("disabled_at", Instant))
