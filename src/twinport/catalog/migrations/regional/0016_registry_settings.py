"""Keys of KMS that repositories ask for, account settings, signing rules, and principals whose pulls leave no time."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("repository", sa.Column("kms_key", TEXT))
    op.create_index("repository_by_encryption", "repository", ["encryption", "account", "name"], unique=False)
    for name in ("policy_scope", "blob_mounting", "basic_scan_type", "signing"):
        op.add_column("registry", sa.Column(name, TEXT))
    op.create_table(
        "pull_time_exclusion",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("principal_arn", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", "principal_arn"),
    )
