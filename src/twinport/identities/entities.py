"""Asks the gate about users, groups, roles and policies. Their ARNs contain a path that only their rows hold."""

from collections.abc import Iterable
from dataclasses import dataclass

from twinport.access.gate import NO_CONTEXT, AnyResource, Context, Gate, IdentityResource
from twinport.catalog.partition import principal_policies
from twinport.catalog.ports import Catalog
from twinport.model import names
from twinport.model.entities import RESERVED_PATH, Group, PolicyOwner, PrincipalType, Tag
from twinport.model.identities import Caller
from twinport.model.letters import lower_ascii
from twinport.refusals.identities import InvalidInput

_RESERVED_KEYS = "aws:"
# The actions that have the condition key iam:PermissionsBoundary in AWS's service authorization reference. Policies can
# forbid them for principals without the right boundary, or allow them for principals that have it.
_ASKED_OF_BOUNDARY = frozenset({"iam:UpdateRole", "iam:UpdateRoleDescription"}) | frozenset(
    f"iam:{verb}{kind}{what}"
    for kind in ("User", "Role")
    for verb, what in (
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Delete", "PermissionsBoundary"),
    )
)


@dataclass(frozen=True, slots=True)
class _Named:
    """An entity by its name, and as a denial shows it."""

    kind: PrincipalType
    name: str
    shown: str


@dataclass(frozen=True, slots=True)
class Entities:
    """Asks the gate by name. A caller without permission gets the same denial whether or not the entity exists."""

    catalog: Catalog
    gate: Gate

    async def ask(
        self, caller: Caller, action: str, kind: PrincipalType, name: str, context: Context = NO_CONTEXT
    ) -> None:
        """Ask about a user, group or role of the caller's account. A missing one has the path '/'."""
        await self._ask(caller, action, _Named(kind, name, f"{kind.value} {name}"), context)

    async def ask_by_arn(self, caller: Caller, action: str, kind: PrincipalType, name: str, arn: str) -> None:
        """As `ask`, for a request that names the entity by an ARN. The ARN may have another path than the entity."""
        await self._ask(caller, action, _Named(kind, name, arn), NO_CONTEXT)

    async def ask_of(
        self, caller: Caller, action: str, arn: str, context: Context = NO_CONTEXT, shown: str | None = None
    ) -> None:
        """Ask whether the caller may do this to the resource of the ARN. A denial shows `shown` instead, if given."""
        await self.gate.authorize(caller, action, IdentityResource(caller.account, arn, named=shown), context)

    async def ask_of_account(self, caller: Caller, action: str) -> None:
        """Ask whether the caller may do this to the account as a whole: policies must say `*`."""
        await self.gate.authorize(caller, action, AnyResource(caller.account, caller.origin.region))

    async def _ask(self, caller: Caller, action: str, entity: _Named, context: Context) -> None:
        account = caller.account
        found = await self.catalog.partition.read(
            lambda db: principal_policies.find(db, account, entity.kind, entity.name)
        )
        arn = found.arn if found else _ARNS[entity.kind](account, "/", entity.name)
        resource = IdentityResource(account, arn, found.unique_id if found else None, entity.shown)
        bounded = {} if found is None or action not in _ASKED_OF_BOUNDARY else boundary_context(_boundary_of(found))
        await self.gate.authorize(caller, action, resource, {**bounded, **context})


def tag_context(tags: Iterable[Tag]) -> Context:
    """Return the condition keys for the tags of a request; none if there are no tags."""
    given = tuple(tags)
    if not given:
        return NO_CONTEXT
    values = {f"aws:RequestTag/{tag.key}": (tag.value,) for tag in given}
    return {**values, "aws:TagKeys": tuple(tag.key for tag in given)}


def boundary_context(arn: str | None) -> Context:
    """Return the condition key for a permissions boundary; none without a boundary."""
    return NO_CONTEXT if arn is None else {"iam:PermissionsBoundary": (arn,)}


def pass_context(service: str) -> Context:
    """Return the condition key of iam:PassRole for the service that receives the role."""
    return {"iam:PassedToService": (service,)}


def check_path(path: str) -> None:
    """Raise InvalidInput for a path under which no entity can be created."""
    if path.startswith(RESERVED_PATH):
        raise InvalidInput(f"paths beginning with '{RESERVED_PATH}' are kept for AWS: use another path")


def check_tags(tags: Iterable[Tag]) -> None:
    """Raise InvalidInput for duplicate keys, without regard to case, and for keys reserved for AWS."""
    keys = [lower_ascii(tag.key) for tag in tags]
    if len(keys) != len(set(keys)):
        raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    for key in keys:
        if key.startswith(_RESERVED_KEYS):
            raise InvalidInput(f"the tag key '{key}' begins with '{_RESERVED_KEYS}', which is reserved")


def _boundary_of(found: PolicyOwner) -> str | None:
    return None if isinstance(found, Group) else found.boundary


_ARNS = {
    PrincipalType.USER: names.user_arn,
    PrincipalType.GROUP: names.group_arn,
    PrincipalType.ROLE: names.role_arn,
}
