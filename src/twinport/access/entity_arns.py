"""The ARNs of users, groups and roles: of which account, kind and name they speak."""

import re
from dataclasses import dataclass

from twinport.model.entities import PrincipalType
from twinport.model.names import PARTITION, AccountId

_ENTITY = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):(user|group|role)/(?:[\x21-\x7e]+/)?([\w+=,.@-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class EntityName:
    """Whom an ARN names; whether there is such an entity, and with this path, it does not say."""

    account: AccountId
    kind: PrincipalType
    name: str


def parse(arn: str) -> EntityName | None:
    """Return whom an ARN names, or None if it is not that of a user, group or role."""
    found = _ENTITY.fullmatch(arn)
    return None if found is None else EntityName(AccountId(found[1]), PrincipalType(found[2]), found[3])
