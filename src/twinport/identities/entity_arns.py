"""The ARNs of users, groups and roles: the account, kind and name in each."""

import re
from dataclasses import dataclass

from twinport.model.entities import PrincipalType
from twinport.model.names import PARTITION, AccountId

_ENTITY = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):(user|group|role)/(?:[\x21-\x7e]+/)?([\w+=,.@-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class EntityName:
    """The user, group or role that an ARN names. It may not exist, or may have another path."""

    account: AccountId
    kind: PrincipalType
    name: str


def parse(arn: str) -> EntityName | None:
    """Return the entity that an ARN names, or None if it is not the ARN of a user, group or role."""
    found = _ENTITY.fullmatch(arn)
    return None if found is None else EntityName(AccountId(found[1]), PrincipalType(found[2]), found[3])
