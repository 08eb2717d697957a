"""The reset of a deployment: it forgets everything, some rows at a time, in the same way on either engine.

Users, roles and credentials go before the policies that limit them, so no principal gains permissions between two
transactions. If a reset breaks off, the operator repeats it; what is left still obeys the laws.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from twinport.catalog.beginnings import begin_era, restart_history
from twinport.catalog.engine import statements
from twinport.catalog.partition import schema as identities
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import arrivals, chores, garbage, removals, repositories, schema

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
# The rows of a repository's contents go with it, and blobs after them.
_OF_A_REGION = (
    schema.registry,
    schema.creation_template,
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

    This order keeps other processes from landing earlier deliveries in the empty state: a caller that the gate admits
    after IAM is gone has no role, and a landing that the gate admitted before meets another epoch.

    Keys whose bytes no row names any more are noted as discarded (`Garbage.remove_bytes`). They do not include bytes
    that a running request has written and not yet recorded.
    """
    await _until_none(lambda: catalog.partition.write(partial(_clear_identities, limit=rows_at_once)))
    clear_some = partial(_clear_region, clock=catalog.now, limit=rows_at_once)
    for name in await catalog.regions():
        region = catalog.region(name)
        await region.write(lambda db: restart_history(db, catalog.now(db)))
        await _until_none(partial(region.write, clear_some))
        await region.write(chores.forget_all_but_identity)
    # A Region's keys go after IAM. What a process has kept of them since is void from now on (`access/generations.py`).
    await catalog.partition.write(begin_era)


def _clear_identities(db: Connection, limit: int) -> int:
    left = limit
    for table in _IDENTITIES:
        left -= statements.delete_some(db, table, (), left)
    return limit - left


def _clear_region(db: Connection, clock: Callable[[Connection], datetime], limit: int) -> int:
    """Forget at most `limit` rows of a Region, and tell how many: none when nothing is left.

    Repositories are first taken from their registries, so nothing is added to them meanwhile.
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
