"""The warning at the start of a server that refuses keys of KMS, if its repositories have some."""

from functools import partial

from twinport.catalog.ports import Catalog
from twinport.catalog.regional import repositories
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.names import Registry

MOST_NAMED = 10
_REASON = "these repositories show keys of KMS, with which nothing here encrypts; 'encryption_at_rest' is 'refuse'"


async def warn_of_keys(catalog: Catalog) -> None:
    """Name the first few repositories that have keys of KMS, if there are any."""
    try:
        names = await _with_keys(catalog)
    except Unavailable as refusal:
        telemetry.warning(Event.ENCRYPTION_NOT_APPLIED, reason=f"cannot tell which: {refusal.message}")
        return
    if names:
        more = ", and more" if len(names) > MOST_NAMED else ""
        telemetry.warning(
            Event.ENCRYPTION_NOT_APPLIED, repositories=", ".join(names[:MOST_NAMED]) + more, reason=_REASON
        )


async def _with_keys(catalog: Catalog) -> list[str]:
    """Return the ARNs of at most one repository more than are named."""
    found: list[str] = []
    for region in await catalog.regions():
        left = MOST_NAMED + 1 - len(found)
        rows = await catalog.region(region).read(partial(repositories.with_keys, limit=left))
        found += [Registry(account, region).repository_arn(name) for account, name in rows]
        if len(found) > MOST_NAMED:
            break
    return found
