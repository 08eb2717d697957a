"""Identities of the Regions' databases: the partition knows each from the Region's beginning on.

The partition lists a Region first, then its database is made, and then the partition learns the identity. So a listed
Region without one was never written to, or belongs to an earlier version and is adopted once. A listed Region with one
has rows in exactly that database: docs/decisions/0031-which-database-is-a-regions.md.
"""

import secrets

from sqlalchemy import Connection, select, update

from twinport.catalog.partition.schema import region as _region
from twinport.catalog.regional.schema import history as _history
from twinport.model.names import RegionName
from twinport.refusals.storage import RegionLost


def known(db: Connection, name: RegionName) -> str | None:
    """Return the identity of a Region's database as the partition knows it."""
    found: str | None = db.execute(select(_region.c.identity).where(_region.c.name == name)).scalar()
    return found


def learn(db: Connection, name: RegionName, identity: str) -> None:
    """Record the identity of a Region's database in the partition, for good."""
    db.execute(update(_region).where(_region.c.name == name, _region.c.identity.is_(None)).values(identity=identity))


def new() -> str:
    return secrets.token_hex(16)


def own(db: Connection) -> str | None:
    """Return the identity of a Region's own database, which it has from its beginning or its migration on."""
    found: str | None = db.execute(select(_history.c.identity)).scalar()
    return found


def require(name: RegionName, expected: str | None, found: str | None) -> None:
    """Raise RegionLost unless a database is the one that the partition knows, if it knows one."""
    if expected is not None and found != expected:
        raise RegionLost(name, "missing" if found is None else "another one")
