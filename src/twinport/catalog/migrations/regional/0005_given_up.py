"""An index for failed deliveries, which are reviewed because their damaged source may have been healed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_GIVEN_UP = sa.text("failure_code = 'SOURCE_IMAGE_INACCESSIBLE'")


def upgrade() -> None:
    op.create_index("delivery_given_up", "delivery", ["due_at"], sqlite_where=_GIVEN_UP, postgresql_where=_GIVEN_UP)
