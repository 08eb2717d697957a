"""Explains to users of an account what the gate would decide about one of its repositories."""

from dataclasses import dataclass
from typing import Protocol

from twinport.access.authorization_requests import AuthorizationRequests, NamedPrincipal, mistakes, named
from twinport.access.gate import AnyResource, Gate, RepositoryResource, Resource
from twinport.access.trust import RoleName
from twinport.errors import AccessDenied
from twinport.identities.entities import Entities
from twinport.model.entities import PrincipalType
from twinport.model.identities import Caller
from twinport.model.letters import lower_ascii
from twinport.model.names import RepositoryId
from twinport.policies import reasons
from twinport.policies.evaluate import Allowed
from twinport.policies.explanation import Explanation
from twinport.refusals.identities import InvalidInput, PrincipalNotAsked

_PREFIX = "ecr:"
_OF_RESOURCE, _OF_PRINCIPAL = ("aws:resourcetag/", "ecr:resourcetag/"), ("aws:principaltag/",)
_LIST_TAGS = {PrincipalType.USER: "iam:ListUserTags", PrincipalType.ROLE: "iam:ListRoleTags"}


class Explaining(Protocol):
    """The part of the gate that explains what it would decide."""

    async def explain(self, caller: Caller, action: str, resource: Resource | RoleName) -> Explanation | None: ...

    async def explain_on_resource(self, caller: Caller, action: str, resource: RepositoryResource) -> Explanation: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a principal may do something, and why. `account` is set if its own policies were not looked at."""

    may: bool
    reasons: tuple[str, ...]
    missing_keys: tuple[str, ...]
    account: str = ""


@dataclass(frozen=True, slots=True)
class Explanations:
    """An explanation names statements, so it needs the permissions to read them.

    Of the resource's side: ecr:GetRepositoryPolicy and ecr:GetRegistryPolicy. Of a user or a role of the caller's
    account: iam:SimulatePrincipalPolicy on it, which AWS asks before it tells what an entity's policies decide. The
    root and services have no policies of their own. The values of tags are shown to those who may list the tags:
    ecr:ListTagsForResource, and iam:ListUserTags or iam:ListRoleTags. Nothing is read of a principal of another account
    but its unique id, by which policies name it: the answer is about this side alone, and does not tell whether the
    principal exists.
    """

    gate: Gate
    explaining: Explaining
    entities: Entities
    requests: AuthorizationRequests

    async def of_repository(self, caller: Caller, repository: RepositoryId, principal: str, action: str) -> Answer:
        """Explain whether `principal` may do `action` to a repository of the caller's account now.

        Raises AccessDenied, PrincipalNotAsked, InvalidInput.
        """
        resource = RepositoryResource(repository)
        await self.gate.authorize(caller, "ecr:GetRepositoryPolicy", resource)
        await self.gate.authorize(caller, "ecr:GetRegistryPolicy", AnyResource(repository.account, repository.region))
        asked = _checked(principal, action)
        if asked.account not in (None, caller.account):
            return await self._of_outsider(caller, resource, asked, principal, action)
        if asked.kind is not None:
            await self.entities.ask_by_arn(caller, "iam:SimulatePrincipalPolicy", asked.kind, asked.name, principal)
        secure = caller.origin.secure
        found = await self.requests.caller(principal, repository.region, secure=secure)
        explanation = await self.explaining.explain(found, action, resource)
        if explanation is None:
            raise PrincipalNotAsked(principal, "does not exist any more")
        explanation = await self._without_tags(caller, resource, asked, explanation)
        may = isinstance(explanation.decision, Allowed)
        return Answer(
            may, tuple(reasons.for_users(explanation)), reasons.without_organization(explanation).missing_keys
        )

    async def _of_outsider(
        self, caller: Caller, resource: RepositoryResource, asked: NamedPrincipal, principal: str, action: str
    ) -> Answer:
        secure = caller.origin.secure
        outsider = await self.requests.outsider(principal, resource.registry.region, secure=secure)
        explanation = await self.explaining.explain_on_resource(outsider, action, resource)
        explanation = await self._without_tags(caller, resource, asked, explanation)
        may, why = reasons.on_resource(explanation)
        return Answer(may, tuple(why), reasons.without_organization(explanation).missing_keys, outsider.account)

    async def _without_tags(
        self, caller: Caller, resource: RepositoryResource, asked: NamedPrincipal, explanation: Explanation
    ) -> Explanation:
        """Leave out the values of tags that the caller may not list."""
        hidden: list[str] = []
        if reasons.compared(explanation, _OF_RESOURCE):
            try:
                await self.gate.authorize(caller, "ecr:ListTagsForResource", resource)
            except AccessDenied:
                hidden += _OF_RESOURCE
        if asked.kind is not None and reasons.compared(explanation, _OF_PRINCIPAL):
            try:
                await self.entities.ask(caller, _LIST_TAGS[asked.kind], asked.kind, asked.name)
            except AccessDenied:
                hidden += _OF_PRINCIPAL
        return reasons.without_values(explanation, hidden)


def _checked(principal: str, action: str) -> NamedPrincipal:
    """Parse a question. Raises PrincipalNotAsked, InvalidInput."""
    asked = named(principal)
    if found := mistakes(principal, action, "*" if asked.account else f"arn:aws:iam::{'0' * 12}:root"):
        raise InvalidInput(found[0][:500])
    if not lower_ascii(action).startswith(_PREFIX):
        raise InvalidInput(f"'{action}' is not done to a repository: ask about an action of ECR, as ecr:PutImage")
    return asked
