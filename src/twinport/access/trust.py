"""The port for trust: may this caller assume this role? `policy_gate.PolicyGate` answers."""

import re
from dataclasses import dataclass
from typing import Protocol

from twinport.access.gate import Context
from twinport.model import names
from twinport.model.entities import Role
from twinport.model.identities import Caller
from twinport.model.names import PARTITION, AccountId
from twinport.refusals.identities import RoleArnInvalid

ASSUME_ROLE = "sts:AssumeRole"
TAG_SESSION = "sts:TagSession"
SET_SOURCE_IDENTITY = "sts:SetSourceIdentity"
_ROLE = re.compile(
    rf"arn:{PARTITION}:iam::([0-9]{{12}}):role(/(?:[\x21-\x7e]{{1,510}}/)?)([\w+=,.@-]{{1,64}})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class RoleName:
    """A role by its ARN. Input from clients goes through `RoleName.parse`."""

    account: AccountId
    path: str
    name: str

    @classmethod
    def parse(cls, arn: str) -> "RoleName":
        """Raises RoleArnInvalid."""
        found = _ROLE.fullmatch(arn)
        if found is None:
            raise RoleArnInvalid(arn)
        return cls(AccountId(found[1]), found[2], found[3])

    @property
    def arn(self) -> str:
        return names.role_arn(self.account, self.path, self.name)


class Trust(Protocol):
    async def authorize_assumption(
        self, caller: Caller, name: RoleName, actions: tuple[str, ...], context: Context
    ) -> Role:
        """Return the role if `caller` may do all of `actions` to it; raise AccessDenied whether or not it exists.

        The trust policy must allow by itself. If it only delegates to the account, or the role is in another account,
        the caller's policies must allow too.
        """
        ...
