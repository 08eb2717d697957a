"""A deployment that is reset: everything in it is forgotten, some rows at a time, the same on either engine.

Who signs in goes before what bounds them, so that no moment between two transactions lets anybody do more than before.
A reset that breaks off is asked for again; what is left of it is whole, as the laws have it.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from twinport.catalog import arrivals, chores, garbage, removals, repositories, statements
from twinport.catalog import partition_schema as identities
from twinport.catalog import regional_schema as schema
from twinport.catalog.beginnings import begin_history_anew
from twinport.catalog.embedded import Catalog

_ROWS_AT_ONCE = 500
_CREDENTIALS = (
    identities.session,
    identities.console_session,
    identities.access_key,
    identities.login_profile,
    identities.role,
    identities.membership,
    identities.user,
)
_KEPT = (identities.generation, identities.site_key, identities.region)
_IDENTITIES = _CREDENTIALS + tuple(
    table for table in identities.partition.sorted_tables if table not in (*_KEPT, *_CREDENTIALS)
)
# What hangs on repositories goes with them, and blobs after them.
_OF_A_REGION = (
    schema.registry,
    schema.fence,
    schema.token_key,
    schema.lane,
    schema.delivery,
    schema.arrival,
    schema.applied_position,
    schema.lease,
)


async def clear(catalog: Catalog, rows_at_once: int = _ROWS_AT_ONCE) -> None:
    """Forget everything: IAM, then Region by Region. Histories begin new epochs.

    In this order no other process lands in the empty state what it carried before: a caller that the gate admits
    after IAM is gone has no role, and a landing that the gate admitted before meets another epoch.

    Keys whose bytes no row names any more are noted as discarded (`Garbage.remove_bytes`). Bytes that a request under
    way has written and not yet recorded are not among them.
    """
    await _until_none(lambda: catalog.partition.write(partial(_clear_identities, limit=rows_at_once)))
    clear_some = partial(_clear_region, clock=catalog.now, limit=rows_at_once)
    for name in await catalog.regions():
        region = catalog.region(name)
        await region.write(lambda db: begin_history_anew(db, catalog.now(db)))
        await _until_none(partial(region.write, clear_some))
        await region.write(chores.forget_all_but_identity)


def _clear_identities(db: Connection, limit: int) -> int:
    left = limit
    for table in _IDENTITIES:
        left -= statements.delete_some(db, table, (), left)
    return limit - left


def _clear_region(db: Connection, clock: Callable[[Connection], datetime], limit: int) -> int:
    """Forget at most `limit` rows of a Region, and tell how many: none when nothing is left.

    Repositories belong to no registry before anything else goes, so nothing is added to them meanwhile.
    """
    now = clock(db)
    left = limit - repositories.remove_some(db, limit)
    left -= removals.remove_some(db, now, left).rows
    left -= arrivals.forget_offers(db, (), now, left)
    for table in _OF_A_REGION:
        left -= statements.delete_some(db, table, (), left)
    left -= garbage.review_blobs(db, garbage.ALWAYS, now, left).looked_at
    return limit - left


async def _until_none(step: Callable[[], Awaitable[int]]) -> None:
    while await step():
        pass
