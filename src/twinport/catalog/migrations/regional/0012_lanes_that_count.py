"""Lanes that know how many of their deliveries wait, and since when the oldest is owed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_WAITING = sa.text("state = 'waiting'")
_OF_A_LANE = """
    FROM delivery
    WHERE delivery.source_account = lane.source_account
      AND delivery.destination_region = lane.destination_region
      AND delivery.destination_account = lane.destination_account
      AND delivery.state = 'waiting'
"""


def upgrade() -> None:
    op.add_column("lane", sa.Column("waiting", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("lane", sa.Column("oldest", sa.BigInteger(), nullable=True))
    columns = ["source_account", "destination_region", "destination_account", "created_at"]
    op.create_index("delivery_oldest", "delivery", columns, sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.execute(
        f"UPDATE lane SET waiting = (SELECT count(*) {_OF_A_LANE}), oldest = (SELECT min(created_at) {_OF_A_LANE})"  # noqa: S608
    )
