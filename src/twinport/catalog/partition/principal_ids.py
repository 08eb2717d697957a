"""Documents are stored with unique ids in place of the ARNs of users and roles, and are shown with the ARNs again.

So a later user or role of the same name is not trusted in place of an earlier one (docs/reference/policies.md). A
role's session is stored as `AROA…:SESSION`. Accounts, services and federated users have no id that could change, and
stay as they are.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, select

from twinport.catalog.partition import schema
from twinport.model import names
from twinport.model.named_principals import named_in, renamed
from twinport.model.names import PARTITION

_ENTITY = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):(user|role)/(?:.*/)?([^/]+)", re.DOTALL)
_SESSION = re.compile(rf"arn:{PARTITION}:sts::([0-9]{{12}}):assumed-role/([^/]+)/([^/]+)")
_ID = re.compile(r"(AIDA|AROA)[A-Z0-9]{12,124}(?::([\w+=,.@-]{1,64}))?", re.ASCII)
_TABLES = {"user": schema.user, "role": schema.role, "AIDA": schema.user, "AROA": schema.role}
_ARNS = {"user": names.user_arn, "role": names.role_arn, "AIDA": names.user_arn, "AROA": names.role_arn}


@dataclass(frozen=True, slots=True)
class Unknown:
    """A principal that a document names and that does not exist."""

    name: str


def bound(db: Connection, text: str) -> str | Unknown:
    """Return a document with the unique ids of the users and roles that it names; the first that is unknown, if any.

    A document that names none is returned as it is.
    """
    found = {name: _id_of(db, name) for name in named_in(text) if _ENTITY.fullmatch(name) or _is_of_role(name)}
    for name, unique_id in found.items():
        if unique_id is None:
            return Unknown(name)
    return renamed(text, {name: unique_id for name, unique_id in found.items() if unique_id}) if found else text


def shown(db: Connection, text: str) -> str:
    """Return a stored document with the ARNs of principals that still exist, and the unique ids of all others."""
    if '"AIDA' not in text and '"AROA' not in text:
        return text
    arns = {name: arn for name in named_in(text) if (arn := _arn_of(db, name))}
    return renamed(text, arns) if arns else text


def _is_of_role(name: str) -> bool:
    return _SESSION.fullmatch(name) is not None or _ID.fullmatch(name) is not None


def _id_of(db: Connection, name: str) -> str | None:
    """Return the stored form of a name, or None if no principal has it. The id of an existing principal stays."""
    if session := _SESSION.fullmatch(name):
        account, role, session_name = session.groups()
        unique_id = _find(db, "role", account, role)
        return unique_id and f"{unique_id}:{session_name}"
    if entity := _ENTITY.fullmatch(name):
        account, kind, entity_name = entity.groups()
        return _find(db, kind, account, entity_name, name)
    return name if _arn_of(db, name) else None


def _find(db: Connection, kind: str, account: str, name: str, arn: str | None = None) -> str | None:
    table = _TABLES[kind]
    row = db.execute(select(table).where(table.c.account == account, table.c.name == name)).one_or_none()
    if row is None or arn not in (None, _ARNS[kind](row.account, row.path, row.name)):
        return None
    unique_id: str = row.unique_id
    return unique_id


def _arn_of(db: Connection, name: str) -> str | None:
    unique_id = _ID.fullmatch(name)
    if unique_id is None:
        return None
    prefix, session = unique_id.groups()
    table = _TABLES[prefix]
    row = db.execute(select(table).where(table.c.unique_id == name.partition(":")[0])).one_or_none()
    if row is None:
        return None
    if session:
        return names.session_arn(row.account, row.name, session)
    return _ARNS[prefix](row.account, row.path, row.name)
