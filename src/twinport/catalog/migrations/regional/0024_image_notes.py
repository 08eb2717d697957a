"""What a lifecycle policy did is noted until the log has it, and referrers follow their subject into the archive."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "referrer_move",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("after", TEXT, nullable=False, server_default=sa.text("''")),
        sa.PrimaryKeyConstraint("repository_id", "subject"),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "image_note",
        sa.Column("step", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("facts", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("step", "number"),
    )
    op.create_index("image_note_by_time", "image_note", ["noted_at", "step", "number"])
