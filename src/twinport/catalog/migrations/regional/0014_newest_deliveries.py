"""The history of copies is read from indexes: the newest of an image to each destination."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_IMAGE = ["source_account", "repository", "digest", "destination_region", "destination_account"]
_AGE = ["epoch", "sequence", "repetition"]
_GIVEN_UP = sa.text("failure_code = 'SOURCE_IMAGE_INACCESSIBLE'")


def upgrade() -> None:
    op.create_index("delivery_by_tag", "delivery", [*_IMAGE, "tag", *_AGE], unique=False)
    op.drop_index("delivery_by_image", table_name="delivery")
    op.create_index("delivery_by_image", "delivery", [*_IMAGE, *_AGE], unique=False)
    op.create_index(
        "delivery_given_up_by_lane",
        "delivery",
        ["source_account", "destination_region", "destination_account"],
        sqlite_where=_GIVEN_UP,
        postgresql_where=_GIVEN_UP,
    )
