"""Notes of possible garbage, written in the transaction that may have made it, and reviewed some time later.

Cost follows change: the transaction that unlinks a layer notes it here, and no process ever scans unchanged rows.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, select, true

from twinport.catalog.engine import statements
from twinport.catalog.engine.columns import Instant
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema
from twinport.model.content import Digest

_layer, _blob, _part = schema.layer_review, schema.blob_review, schema.manifest_blob


def review_layer(db: Connection, repository_id: int, digest: Digest, now: datetime) -> None:
    """Note a layer, so that a later review checks whether the repository still has an image that names it."""
    statements.upsert(db, _layer, {"repository_id": repository_id, "digest": str(digest)}, {"since": now})


def review_layers(db: Connection, repository_id: int, digests: str, now: datetime) -> None:
    """As `review_layer`, for a JSON list of digests in their order."""
    _LAYERS.change(db, owner=repository_id, now=now, digests=digests)


def noting(engine: str, table: Table, column: str) -> Any:
    """Make the row of each of `digests`, a JSON list, hold the time `now` in a column, for the repository `owner`."""
    digests = statements.each_of(engine, "digests")
    owner, now = bindparam("owner", type_=table.c.repository_id.type), bindparam("now", type_=Instant)
    rows = digests.with_only_columns(owner, *digests.selected_columns, now.label("now")).where(true())
    inserted = statements.insert_of(engine, table).from_select(["repository_id", "digest", column], rows)
    changes = {column: inserted.excluded[column]}
    return inserted.on_conflict_do_update(index_elements=["repository_id", "digest"], set_=changes)


_LAYERS = Prepared(lambda engine: noting(engine, _layer, "since"))


def review_layers_of(db: Connection, repository_id: int, manifest: Digest, now: datetime) -> None:
    """As `review_layer`, for all layers of an image that is about to be removed."""
    named = select(_part.c.repository_id, _part.c.digest, bindparam("now", now, Instant)).where(
        _part.c.repository_id == repository_id, _part.c.manifest == str(manifest)
    )
    _note(db, _layer, named.order_by(_part.c.digest))


def review_blob(db: Connection, digest: Digest, since: datetime) -> None:
    """Note a blob that a repository has unlinked, unused since `since`, so that a review checks for other holders."""
    statements.upsert(db, _blob, {"digest": str(digest)}, {"since": since})


def _note(db: Connection, table: Table, rows: Select[tuple[object, ...]]) -> None:
    """Note the rows of a query in its order, so that two transactions that note the same rows do not deadlock."""
    columns = [column.name for column in table.columns]
    statement = statements.insert(db, table).from_select(columns, rows)
    key = [column.name for column in table.primary_key]
    db.execute(statement.on_conflict_do_update(index_elements=key, set_={"since": statement.excluded.since}))
