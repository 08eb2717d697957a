"""Parses the principal and resource ARNs in a question about a decision, as `twinport why` and the console ask it."""

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from twinport.access.gate import AnyResource, IdentityResource, RepositoryResource, Resource
from twinport.access.principals import root_caller, user_caller
from twinport.access.session_callers import RoleFacts, session_caller
from twinport.access.trust import RoleName
from twinport.catalog.partition import entities
from twinport.catalog.ports import Catalog
from twinport.clock import Clock
from twinport.model.entities import PrincipalType, Role
from twinport.model.identities import Caller, Origin, PrincipalKind, Session
from twinport.model.letters import lower_ascii
from twinport.model.names import PARTITION, AccountId, RegionName, Registry, RepositoryName, is_account_id
from twinport.policies import actions
from twinport.refusals.identities import PrincipalNotAsked, ResourceNotAsked

_ROOT = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):root")
_ENTITY = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):(user|role)/(?:.*/)?([^/]+)")
_SESSION = re.compile(rf"arn:{PARTITION}:sts::([0-9]{{12}}):assumed-role/([^/]+)/([^/]+)")
_REPOSITORY = re.compile(rf"arn:{PARTITION}:ecr:([a-z0-9-]+):([0-9]{{12}}):repository/(.+)")
_IDENTITY = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):(.+)")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+){0,6}\.amazonaws\.com")
_PRINCIPALS = (_ROOT, _ENTITY, _SESSION, _SERVICE)
_ASSUMING = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity")
_NOBODY = (
    "is not the ARN of a user, a role, its session or an account's root (as arn:aws:iam::111122223333:user/alice), "
    "nor the name of a service"
)
_NOTHING = (
    "is not '*', nor the ARN of a repository (as arn:aws:ecr:eu-west-1:111122223333:repository/team/api) "
    "or of something in IAM"
)
_OF_NO_ACCOUNT = "belongs to the principal's account, and a service has none: name a resource"
_LIST_OF_ACTIONS = "docs/how-to/why.md says where they are listed"
_SHOWN = 256
_HOUR = timedelta(hours=1)


_OF_ANOTHER = "belongs to another account: ask about that account, or about a user or a role of it"


@dataclass(frozen=True, slots=True)
class NamedPrincipal:
    """What the name of a principal says. A service has no account; a root and a service have no `kind`."""

    account: AccountId | None
    kind: PrincipalType | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizationRequests:
    """Represents a role as a session that begins now, without session policies."""

    catalog: Catalog
    world: Clock

    async def caller(self, principal: str, region: RegionName, *, secure: bool) -> Caller:
        """Return a principal as a caller without a known address. Raises PrincipalNotAsked."""
        origin = Origin(region, "", secure=secure, user_agent="", at=self.world.now())
        root = _ROOT.fullmatch(principal)
        if root or is_account_id(principal):
            return root_caller(AccountId(root[1] if root else principal), origin, "")
        if session := _SESSION.fullmatch(principal):
            return self._session(await self._role(principal, session[1], session[2]), session[3], origin)
        if _SERVICE.fullmatch(principal):
            return service_caller(principal, origin)
        entity = _ENTITY.fullmatch(principal)
        if entity is None:
            raise PrincipalNotAsked(principal, _NOBODY)
        if entity[2] == "role":
            role = await self._role(principal, entity[1], entity[3])
            if role.arn != principal:
                raise PrincipalNotAsked(principal, "does not exist")
            return self._session(role, f"why-{secrets.token_hex(4)}", origin)
        return await self._user(principal, AccountId(entity[1]), entity[3], origin)

    async def outsider(self, principal: str, region: RegionName, *, secure: bool) -> Caller:
        """Return a principal of another account as its ARN has it, whether or not it exists. Raises PrincipalNotAsked.

        Only its unique id is looked up, by which stored policies name it. So the caller is the same for a user that
        does not exist and for one that no policy names.
        """
        origin = Origin(region, "", secure=secure, user_agent="", at=self.world.now())
        found, entity = named(principal), _ENTITY.fullmatch(principal)
        if found.account is not None and found.kind is None:
            return root_caller(found.account, origin, "")
        if found.account is None or entity is None:
            raise PrincipalNotAsked(principal, _OF_ANOTHER)
        unique_id = await self._id_by_arn(principal, found.account, entity[2], found.name)
        if entity[2] == "user":
            return user_caller(found.account, principal, unique_id, origin, "")
        path = principal.partition(":role")[2].removesuffix(found.name)
        session = Session("why", origin.at, origin.at + _HOUR)
        return session_caller(RoleFacts(found.account, unique_id, found.name, path), session, origin, "")

    async def resource(self, action: str, arn: str, caller: Caller) -> Resource | RoleName:
        """Return the resource of an ARN. `*` belongs to the caller's account and Region. Raises ResourceNotAsked."""
        if arn == "*" and not caller.kind.is_of_an_account:
            raise ResourceNotAsked(arn, _OF_NO_ACCOUNT)
        if arn == "*":
            return AnyResource(caller.account, caller.origin.region)
        if named := _REPOSITORY.fullmatch(arn):
            registry = Registry(AccountId(named[2]), RegionName(named[1]))
            return RepositoryResource(registry.repository(RepositoryName(named[3])))
        identity = _IDENTITY.fullmatch(arn)
        if identity is None:
            raise ResourceNotAsked(arn, _NOTHING)
        if lower_ascii(action).startswith(_ASSUMING):
            return RoleName.parse(arn)
        entity = _ENTITY.fullmatch(arn)
        unique_id = None if entity is None else await self._id_of(entity[1], entity[2], entity[3])
        return IdentityResource(AccountId(identity[1]), arn, unique_id)

    async def _user(self, arn: str, account: AccountId, name: str, origin: Origin) -> Caller:
        user = await self.catalog.partition.read(lambda db: entities.find_user(db, account, name))
        if user is None or user.arn != arn:
            raise PrincipalNotAsked(arn, "does not exist")
        return user_caller(account, arn, user.unique_id, origin, "")

    async def _role(self, named: str, account: str, name: str) -> Role:
        role = await self.catalog.partition.read(lambda db: entities.find_role(db, AccountId(account), name))
        if role is None:
            raise PrincipalNotAsked(named, "does not exist")
        return role

    def _session(self, role: Role, name: str, origin: Origin) -> Caller:
        facts = RoleFacts(role.account, role.unique_id, role.name, role.path)
        session = Session(name, origin.at, origin.at + _HOUR, service=role.service)
        return session_caller(facts, session, origin, access_key_id="")

    async def _id_by_arn(self, arn: str, account: AccountId, kind: str, name: str) -> str:
        find = entities.find_user if kind == "user" else entities.find_role
        found = await self.catalog.partition.read(lambda db: find(db, account, name))
        return found.unique_id if found is not None and found.arn == arn else ""

    async def _id_of(self, account: str, kind: str, name: str) -> str | None:
        find = entities.find_user if kind == "user" else entities.find_role
        found = await self.catalog.partition.read(lambda db: find(db, AccountId(account), name))
        return None if found is None else found.unique_id


def named(principal: str) -> NamedPrincipal:
    """Parse the name of a principal. Looks nothing up. Raises PrincipalNotAsked."""
    if root := _ROOT.fullmatch(principal):
        return NamedPrincipal(AccountId(root[1]))
    if is_account_id(principal):
        return NamedPrincipal(AccountId(principal))
    if session := _SESSION.fullmatch(principal):
        return NamedPrincipal(AccountId(session[1]), PrincipalType.ROLE, session[2])
    if entity := _ENTITY.fullmatch(principal):
        return NamedPrincipal(AccountId(entity[1]), PrincipalType(entity[2]), entity[3])
    if _SERVICE.fullmatch(principal):
        return NamedPrincipal(None)
    raise PrincipalNotAsked(principal[:_SHOWN], _NOBODY)


def mistakes(principal: str, action: str, resource: str) -> list[str]:
    """Return a sentence for each mistake in the form of a question. Looks nothing up."""
    found = []
    if not (is_account_id(principal) or any(form.fullmatch(principal) for form in _PRINCIPALS)):
        found.append(f"'{principal}' {_NOBODY}")
    if not actions.exists(action):
        found.append(_unknown(action))
    if resource == "*" and _SERVICE.fullmatch(principal):
        found.append(f"'*' {_OF_NO_ACCOUNT}")
    if resource != "*" and not (_REPOSITORY.fullmatch(resource) or _IDENTITY.fullmatch(resource)):
        found.append(f"'{resource}' {_NOTHING}")
    return found


def _unknown(action: str) -> str:
    meant = " or ".join(f"'{each}'" for each in actions.nearest(action))
    guess = f", did you mean {meant}?" if meant else ";"
    return f"'{action}' is not an action of ECR, IAM or STS{guess} {_LIST_OF_ACTIONS}"


def service_caller(name: str, origin: Origin) -> Caller:
    """Return a service as a caller in its own name. No request ever has such a caller."""
    return Caller(
        account=AccountId(""),
        kind=PrincipalKind.SERVICE,
        arn=name,
        user_id=name,
        principal_arn=name,
        unique_id=name,
        origin=origin,
    )
