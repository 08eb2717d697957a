"""Failed attempts to sign in."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "sign_in_failure",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("network", TEXT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "network"),
    )
    op.create_index("sign_in_failure_by_network", "sign_in_failure", ["network"], unique=False)
    op.create_index("sign_in_failure_by_age", "sign_in_failure", ["failed_at"], unique=False)
