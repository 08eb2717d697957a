"""What a description of named repositories reads: the facts that decide about each, and the repository itself.

A caller of this module decides by `facts` before it tells anything of the rest, as with `catalog.pulls`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from twinport.catalog import permissions
from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import repositories
from twinport.model.images import Repository
from twinport.model.names import Registry, RepositoryName
from twinport.model.repository_facts import RepositoryFacts

_FACTS = 4


@dataclass(frozen=True, slots=True)
class FoundRepository:
    """A repository of a registry; None if it is not there."""

    facts: RepositoryFacts
    repository: Repository | None


def named(db: Connection, registry: Registry, names: Sequence[RepositoryName]) -> list[FoundRepository]:
    """Find repositories by their names, in the order of these. A name that is given twice is found twice."""
    rows = _NAMED.all(db, account=registry.account, names=json.dumps(names)) if names else ()
    found = {row.asked: _found(registry, row) for row in rows}
    return [found[name] for name in names]


def _found(registry: Registry, row: Any) -> FoundRepository:
    facts = permissions.facts(row[1 : 1 + _FACTS])
    return FoundRepository(facts, None if row.id is None else repositories.of_row(registry, row))


def _named(engine: str) -> Any:
    asked = statements.each_of(engine, "names").subquery("asked")
    name = asked.c[0]
    source = permissions.with_repository(asked, bindparam("account"), name)
    return select(name.label("asked"), *permissions.fact_columns(engine), *repositories.COLUMNS).select_from(source)


_NAMED = Prepared(_named)
