"""What a list of tags reads: the facts that decide about it, and a page of tags, by one statement.

A caller of this module decides by `facts` before it tells anything of the rest, as with `catalog.pulls`.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, select

from twinport.catalog import permissions
from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema
from twinport.model.images import ImageStatus
from twinport.model.names import RepositoryId
from twinport.model.repository_facts import RepositoryFacts

_repository, _tag = schema.repository, schema.tag


@dataclass(frozen=True, slots=True)
class FoundTags:
    """Tags in the order of their names; None if the repository is not there."""

    facts: RepositoryFacts
    names: list[str] | None
    # That of the Region when this was read (`WholeCatalog.version`).
    version: int | None


def page(db: Connection, repository: RepositoryId, after: str, limit: int) -> FoundTags:
    """Find at most `limit` tags of active images, those after `after`."""
    row = _PAGE.first(db, account=repository.account, name=repository.name, after=after, limit=limit)
    assert row is not None  # noqa: S101 — the question itself is a row
    *facts, version, repository_id, names = row
    # No database promises in which order it joins rows.
    found = None if repository_id is None else sorted(statements.parts(names))
    return FoundTags(permissions.facts(tuple(facts)), found, version)


def _page(engine: str) -> Any:
    named = select(_tag.c.name).where(
        _tag.c.repository_id == _repository.c.id,
        _tag.c.status == ImageStatus.ACTIVE.value,
        _tag.c.name > bindparam("after"),
    )
    named = named.order_by(_tag.c.name).limit(bindparam("limit", type_=Integer)).correlate(_repository)
    names = select(statements.joined(engine, named.subquery("page").c.name)).scalar_subquery()
    columns = (*permissions.fact_columns(engine), statements.version(engine), _repository.c.id, names)
    return select(*columns).select_from(permissions.asked_repository())


_PAGE = Prepared(_page)
