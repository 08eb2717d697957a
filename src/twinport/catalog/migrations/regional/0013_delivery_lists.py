"""Deliveries in the order in which they are listed, by state."""

from alembic import op

revision = "0013"
down_revision = "0012"

_COLUMNS = ["source_account", "state", "epoch", "sequence", "repetition", "id"]


def upgrade() -> None:
    op.create_index("delivery_by_state", "delivery", _COLUMNS)
