"""Tag keys are the same without regard to case in letters of ASCII alone: their comparable form is written anew."""

from string import ascii_lowercase, ascii_uppercase

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_tag = sa.table("identity_tag", sa.column("owner_id"), sa.column("key_lower"), sa.column("key"))


def upgrade() -> None:
    db = op.get_bind()
    for owner, written, key in db.execute(sa.select(_tag.c.owner_id, _tag.c.key_lower, _tag.c.key)).all():
        if (comparable := key.translate(_LOWER)) != written:
            row = (_tag.c.owner_id == owner, _tag.c.key_lower == written)
            db.execute(sa.update(_tag).where(*row).values(key_lower=comparable))
