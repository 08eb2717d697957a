"""An index gives a registry's waiting deliveries one order, in which they are reviewed after a change of its rules."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.drop_index("delivery_waiting", "delivery")
    op.create_index(
        "delivery_waiting",
        "delivery",
        ["source_account", "destination_region", "destination_account", "due_at", "id"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    # A round that is under way begins again: it noted its account, and now notes how far it has come.
    op.execute("UPDATE chore SET position = '' WHERE name LIKE 'cancelling %'")
