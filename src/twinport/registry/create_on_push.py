"""Repositories that a push creates, where a creation template for CREATE_ON_PUSH matches their name.

The push is tried first, so that a push to a repository that exists costs nothing more, and so that the gate has been
asked about the push before a caller can learn which repositories and templates there are.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from twinport.access.gate import Gate, RepositoryResource
from twinport.access.template_roles import CREATE, TemplateRoles
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import creation_templates, repositories
from twinport.clock import Clock
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.creation_templates import AppliedFor, StoredTemplate
from twinport.model.identities import Caller
from twinport.model.names import RegionName, RepositoryId
from twinport.refusals.images import RepositoryExists, RepositoryNotFound, TemplateChanged
from twinport.registry.repositories import check_name, insert
from twinport.settings.deviations import UNLIMITED, Quotas

T = TypeVar("T")
# A template that is changed again and again does not keep a request forever.
_MOST_TRIES = 5


class _Outcome(Enum):
    """What came of an attempt to create a repository by a template that was read before."""

    CREATED = "created"
    THERE = "there before"
    CHANGED = "the template has changed"


@dataclass(frozen=True, slots=True)
class CreateOnPush:
    """The verb that creates a repository for a push. `regions` are those that this deployment knows."""

    gate: Gate
    catalog: Catalog
    roles: TemplateRoles
    world: Clock
    regions: Collection[RegionName]
    quotas: Quotas = UNLIMITED

    async def create(self, caller: Caller, repository: RepositoryId, action: str) -> None:
        """Create the repository that the push by `action` needs, unless it is there by now.

        The caller needs ecr:CreateRepository, and so does the role of the template. Raises RepositoryNotFound if no
        template matches, TooManyRepositories.
        """
        resource = RepositoryResource(repository)
        await self.gate.authorize(caller, action, resource)
        for _ in range(_MOST_TRIES):
            chosen = await self.catalog.region(repository.region).read(lambda db: _matching(db, repository))
            if chosen is None:
                raise RepositoryNotFound(repository.name, repository.account)
            await self.gate.authorize(caller, CREATE, resource)
            await self.roles.authorize(chosen.template, resource, caller)
            if await self._write(caller, repository, chosen) is not _Outcome.CHANGED:
                return
        raise TemplateChanged(repository.name, repository.account)

    async def _write(self, caller: Caller, repository: RepositoryId, chosen: StoredTemplate) -> "_Outcome":
        """Create the repository by this template, unless it is there or the template has changed since."""
        check_name(repository.name, self.regions)
        now = self.world.now()

        def write(db: Connection) -> _Outcome:
            if repositories.find(db, repository) is not None:
                return _Outcome.THERE
            if _matching(db, repository) != chosen:
                return _Outcome.CHANGED
            made = insert(db, repository, chosen.new_repository, now, self.quotas)
            creation_templates.put_lifecycle(db, made, chosen.template, self.catalog.now(db))
            return _Outcome.CREATED

        try:
            outcome = await self.catalog.region(repository.region).write(write)
        except RepositoryExists:  # another push was faster
            outcome = _Outcome.THERE
        if outcome is _Outcome.CREATED:
            facts = {
                "registry": str(repository.registry),
                "repository": repository.name,
                "template": chosen.template.prefix,
            }
            telemetry.event(Event.REPOSITORY_CREATED_ON_PUSH, **facts, caller=caller.arn)
        return outcome


async def pushed(
    creation: CreateOnPush,
    caller: Caller,
    repository: RepositoryId,
    action: str,
    push: Callable[[], Awaitable[T]],
) -> T:
    """Push into a repository, which is created if it is absent and a template says so.

    `push` raises RepositoryNotFound before it has taken a byte or changed anything, so it may be called again.
    """
    try:
        return await push()
    except RepositoryNotFound:
        await creation.create(caller, repository, action)
    return await push()


def _matching(db: Connection, repository: RepositoryId) -> StoredTemplate | None:
    return creation_templates.matching(db, repository, AppliedFor.CREATE_ON_PUSH)
