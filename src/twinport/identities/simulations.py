"""Requests to the policy simulator, for given policies or for an entity's policies."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from twinport.access.gate import Context
from twinport.access.policy_library import Held, PolicyLibrary
from twinport.catalog.partition import principal_policies
from twinport.catalog.ports import Catalog
from twinport.identities.entities import Entities
from twinport.model.entities import Group, Page, PolicyOwner, PrincipalType, Role
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.names import PARTITION, AccountId, is_account_id, session_arn, user_arn
from twinport.policies.aws_managed import is_aws_policy
from twinport.policies.documents import Policy, PolicyKind, parse
from twinport.policies.evaluate import AuthorizationRequest, Policies
from twinport.policies.grants import Identity
from twinport.policies.organization import Organization
from twinport.policies.simulation import Simulated, simulate
from twinport.processes import pools
from twinport.processes.pools import Work
from twinport.refusals.identities import EntityUnretrievable, InvalidInput, PolicyMalformed

_ENTITY = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):(user|group|role)/(?:[\x21-\x7e]+/)?([\w+=,.@-]+)", re.ASCII)
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_RESOURCE = re.compile(r"\*|arn:[a-z-]+:[a-z0-9-]+:.+", re.DOTALL)
_ROOT = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):root")
_KINDS = {"user": PrincipalKind.USER, "group": PrincipalKind.USER, "role": PrincipalKind.ROLE_SESSION}
# No user and no session has this name, so no policy can name it.
_SIMULATED = "(simulated)"
_NOBODY = AccountId("000000000000")
# The most statements that are examined for one page, less than a second's work. IAM, too, may return a short page.
_MOST_HEARD = 30_000
# The time from the call to the last decision of its page, including the time in the queue.
DEADLINE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Excluded:
    """Policies to leave out: by type, by ARN, or an inline policy by its owner's kind and name and its own name."""

    type: str | None = None
    arn: str | None = None
    inline: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What to simulate. Without `resources`, all resources are meant. `caller` is an ARN."""

    actions: Sequence[str]
    resources: Sequence[str] = ()
    policies: Sequence[str] = ()
    boundaries: Sequence[str] = ()
    levels: Sequence[Sequence[str]] = ()
    resource_policy: str | None = None
    owner: str | None = None
    caller: str | None = None
    context: Context | None = None
    excluded: Sequence[Excluded] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """A page of answers. `begin` is the number of the next page's first answer, absent after the last page."""

    shown: Sequence[Simulated]
    begin: int | None


@dataclass(frozen=True, slots=True)
class Simulations:
    catalog: Catalog
    entities: Entities
    library: PolicyLibrary
    organization: Organization
    within: timedelta = DEADLINE

    async def of_documents(self, caller: Caller, wish: Wish, page: Page) -> Answers:
        """Simulate the policies that are given.

        Raises AccessDenied, InvalidInput.
        """
        await self.entities.ask_of_account(caller, "iam:SimulateCustomPolicy")
        if wish.resource_policy is not None and wish.caller is None:
            raise InvalidInput("CallerArn is needed where a ResourcePolicy is given")
        # Without a caller, an unnamed principal of the resource's own account asks: it crosses no account border.
        principal = None if wish.caller is None else _identity(wish.caller, "")

        def answers(work: Work) -> Answers:
            policies = replace(_policies(wish, Held((), {})), service_control=_levels(wish))
            return _answers(wish, principal, policies, page, work)

        return await pools.SIMULATIONS.attend(answers, self.within)

    async def of_entity(self, caller: Caller, arn: str, wish: Wish, page: Page) -> Answers:
        """Simulate the policies of an entity of the account together with the given policies.

        Raises AccessDenied, InvalidInput, EntityUnretrievable.
        """
        found = _ENTITY.fullmatch(arn)
        kind, name = (PrincipalType(found[2]), found[3]) if found else (PrincipalType.USER, "*")
        await self.entities.ask_by_arn(caller, "iam:SimulatePrincipalPolicy", kind, name, arn)
        if found is None:
            raise InvalidInput(f"Invalid Entity Arn: {arn[:256]} does not clearly define entity type and name.")
        owner = await self.catalog.partition.read(lambda db: principal_policies.find(db, caller.account, kind, name))
        if owner is None or owner.arn != arn:
            raise EntityUnretrievable
        if isinstance(owner, Group) and wish.resource_policy is not None and wish.caller is None:
            raise InvalidInput("CallerArn is needed where a ResourcePolicy is given and a group is simulated")
        held = _without(wish.excluded, await self._held(owner), owner)
        # Service-linked roles are exempt here as in real decisions.
        exempt = _excludes(wish, "scp") or (isinstance(owner, Role) and owner.service is not None)
        levels = () if exempt else self.organization.levels_above(caller.account)
        unique_id = owner.unique_id if wish.caller in (None, arn) else ""
        principal = _identity(wish.caller or arn, unique_id)

        def answers(work: Work) -> Answers:
            return _answers(wish, principal, replace(_policies(wish, held), service_control=levels), page, work)

        return await pools.SIMULATIONS.attend(answers, self.within)

    async def _held(self, owner: PolicyOwner) -> Held:
        if isinstance(owner, Group):
            return await self.library.of_group(owner.unique_id)
        held = await self.library.of_principal(owner.unique_id)
        if held is None:
            raise EntityUnretrievable
        return held


def _policies(wish: Wish, held: Held) -> Policies:
    boundaries = _given(wish.boundaries, PolicyKind.BOUNDARY, "PermissionsBoundaryPolicyInputList")
    if len(boundaries) > 1:
        raise InvalidInput("PermissionsBoundaryPolicyInputList may hold one policy")
    text = wish.resource_policy
    on_resource = () if text is None else (_parsed(text, PolicyKind.RESOURCE, "ResourcePolicy"),)
    return Policies(
        identity=(*held.policies, *_given(wish.policies, PolicyKind.IDENTITY, "PolicyInputList")),
        boundary=boundaries[0] if boundaries else held.boundary,
        resource=on_resource,
    )


def _levels(wish: Wish) -> tuple[tuple[Policy, ...], ...]:
    return tuple(_given(level, PolicyKind.SERVICE_CONTROL, "ServiceControlPolicyInputList") for level in wish.levels)


def _answers(wish: Wish, principal: Identity | None, policies: Policies, page: Page, work: Work) -> Answers:
    """Answer the pairs of a page, or as many as the limits allow. The page's key is the number of its first pair.

    After the deadline no further decision is made: the page ends, and the client asks for the next one.
    """
    _check(wish)
    resources = wish.resources or ("*",)
    # Pairs are numbered, not listed: thousands of actions and resources make millions of pairs.
    pairs = len(wish.actions) * len(resources)
    begin = int(page.after) if page.after.isdecimal() else 0
    statements = sum(len(policy.statements) for policy in policies.every)
    end = begin + min(page.limit, max(1, _MOST_HEARD // max(1, statements)))
    otherwise = _owner(wish, _NOBODY if principal is None else principal.account)

    def request(action: str, resource: str) -> AuthorizationRequest:
        owner = _owner_of(resource, otherwise)
        return AuthorizationRequest(principal or _no_principal(owner), action, resource, owner, wish.context or {})

    shown: list[Simulated] = []
    for number in range(begin, min(end, pairs)):
        work.check()
        if shown and work.is_late:
            break
        action, resource = wish.actions[number // len(resources)], resources[number % len(resources)]
        shown.append(simulate(request(action, resource), policies))
    following = begin + len(shown)
    return Answers(shown, following if following < pairs else None)


def _check(wish: Wish) -> None:
    for action in wish.actions:
        if not _ACTION.fullmatch(action):
            raise InvalidInput(f"'{action[:128]}' is not the name of an action: SERVICE:OPERATION, without wildcards")
    for resource in wish.resources:
        if not _RESOURCE.fullmatch(resource):
            raise InvalidInput(f'Resource {resource[:256]} must be in ARN format or "*".')


def _owner(wish: Wish, account: AccountId) -> AccountId:
    """Return the owner of resources whose ARN names no account: the given owner, else the caller's account."""
    if wish.owner is None:
        return account
    root = _ROOT.fullmatch(wish.owner)
    text = root[1] if root else wish.owner
    if not is_account_id(text):
        raise InvalidInput(f"'{wish.owner[:256]}' is no owner: an account or the ARN of its root is needed")
    return AccountId(text)


def _owner_of(resource: str, otherwise: AccountId) -> AccountId:
    parts = resource.split(":", 5)
    return AccountId(parts[4]) if len(parts) > 4 and is_account_id(parts[4]) else otherwise  # noqa: PLR2004


def _identity(arn: str, unique_id: str) -> Identity:
    found = _ENTITY.fullmatch(arn)
    if found is None:
        raise InvalidInput(f"'{arn[:256]}' is no caller: the ARN of a user, group or role is needed")
    account, kind, name = AccountId(found[1]), found[2], found[3]
    caller_arn = session_arn(account, name, _SIMULATED) if kind == "role" else arn
    return Identity(_KINDS[kind], account, arn, caller_arn, unique_id)


def _no_principal(account: AccountId) -> Identity:
    arn = user_arn(account, "/", _SIMULATED)
    return Identity(PrincipalKind.USER, account, arn, arn, "")


def _given(texts: Sequence[str], kind: PolicyKind, member: str) -> tuple[Policy, ...]:
    return tuple(_parsed(text, kind, f"{member}.{number}") for number, text in enumerate(texts, start=1))


def _parsed(text: str, kind: PolicyKind, name: str) -> Policy:
    try:
        return replace(parse(text, kind), name=name)
    except PolicyMalformed as refusal:
        raise InvalidInput(refusal.message) from refusal


# --- policies that are left out ---------------------------------------------------------------------------


def _without(excluded: Sequence[Excluded], held: Held, owner: PolicyOwner) -> Held:
    is_out = _matcher(excluded, owner)
    boundary = None if held.boundary is None or _boundary_is_out(excluded, held.boundary) else held.boundary
    return replace(held, policies=tuple(each for each in held.policies if not is_out(each)), boundary=boundary)


def _matcher(excluded: Sequence[Excluded], owner: PolicyOwner) -> Callable[[Policy], bool]:
    names = set(_names_left_out(excluded, owner))
    types = {each.type for each in excluded if each.type}

    def is_out(policy: Policy) -> bool:
        return policy.name in names or _type_of(policy) in types

    return is_out


def _names_left_out(excluded: Sequence[Excluded], owner: PolicyOwner) -> Iterator[str]:
    own = (_kind_of(owner), owner.name)
    for each in excluded:
        if each.arn is not None:
            yield each.arn
        if each.inline is not None:
            kind, holder, name = each.inline
            if kind == "group":
                yield f"group/{holder}/{name}"
            elif (kind, holder) == own:
                yield name


def _boundary_is_out(excluded: Sequence[Excluded], boundary: Policy) -> bool:
    return any(each.type == "permission-boundary" or each.arn == boundary.name for each in excluded)


def _excludes(wish: Wish, kind: str) -> bool:
    return any(each.type == kind for each in wish.excluded)


def _type_of(policy: Policy) -> str:
    if not policy.name.startswith("arn:"):
        return "inline"
    return "aws-managed" if is_aws_policy(policy.name) else "user-managed"


def _kind_of(owner: PolicyOwner) -> str:
    return owner.arn.split(":", 5)[5].partition("/")[0]
