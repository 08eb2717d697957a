"""What may have become garbage: noted in the transaction that may have made it so, and looked at a while later.

Cost follows change: whoever lets a layer go notes it here, and nobody ever walks through what did not change.
"""

from datetime import datetime

from sqlalchemy import Connection, Select, Table, bindparam, select

from twinport.catalog import regional_schema as schema
from twinport.catalog import statements
from twinport.catalog.columns import Instant
from twinport.model.content import Digest

_layer, _blob, _part = schema.layer_review, schema.blob_review, schema.manifest_blob


def review_layer(db: Connection, repository_id: int, digest: Digest, now: datetime) -> None:
    """Have it looked at later whether the repository still has an image that names a layer."""
    statements.upsert(db, _layer, {"repository_id": repository_id, "digest": str(digest)}, {"since": now})


def review_layers_of(db: Connection, repository_id: int, manifest: Digest, now: datetime) -> None:
    """As `review_layer`, for all that an image names which is about to go."""
    named = select(_part.c.repository_id, _part.c.digest, bindparam("now", now, Instant)).where(
        _part.c.repository_id == repository_id, _part.c.manifest == str(manifest)
    )
    _note(db, _layer, named.order_by(_part.c.digest))


def review_blob(db: Connection, digest: Digest, since: datetime) -> None:
    """Have it looked at whether any repository holds a blob, which one let go that had no use for it `since` then."""
    statements.upsert(db, _blob, {"digest": str(digest)}, {"since": since})


def _note(db: Connection, table: Table, rows: Select[tuple[object, ...]]) -> None:
    """Note what a query finds, in its order: two that note the same wait for one another and do not lock up."""
    columns = [column.name for column in table.columns]
    statement = statements.insert(db, table).from_select(columns, rows)
    key = [column.name for column in table.primary_key]
    db.execute(statement.on_conflict_do_update(index_elements=key, set_={"since": statement.excluded.since}))
