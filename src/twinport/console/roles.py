"""The pages of roles: the list, a role's policies and use, its description, and its deletion."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from twinport.console import commands, regions, words
from twinport.console.pages import address, refused, require_confirmation
from twinport.console.routes import Route
from twinport.console.visits import Fragment, Page, Redirect, Result, Visit
from twinport.errors import AccessDenied, Refusal
from twinport.identities.deletion import Deletions
from twinport.identities.managed_policies import ManagedPolicies
from twinport.identities.principal_policies import PrincipalPolicies
from twinport.identities.roles import Roles
from twinport.model.deletions import MOST_COUNTED, DeletionTask, TaskStatus
from twinport.model.entities import Page as Slice
from twinport.model.entities import PrincipalType, Role
from twinport.model.identities import REPLICATION_ROLE
from twinport.model.names import RegionName, Registry
from twinport.refusals.identities import InvalidInput
from twinport.refusals.requests import PathUnknown
from twinport.registry.replication import Replication

_SECTION = "roles"
_PER_PAGE = 50
_MOST_SHOWN = 20_000
_DONE = {"described": "The description is saved."}
_ROLE = PrincipalType.ROLE
_LONGEST_DESCRIPTION = 1000
_DESCRIPTION = re.compile(r"[\t\n\r -~\u00a1-\u00ff]*")


@dataclass(frozen=True, slots=True)
class PolicyText:
    name: str
    arn: str
    text: str


@dataclass(frozen=True, slots=True)
class RegionUse:
    """A Region's use of the replication role."""

    code: str
    name: str
    rules: int
    under_way: int
    last: str
    path: str

    @property
    def is_in_the_way(self) -> bool:
        return self.rules > 0 or self.under_way > 0

    @property
    def under_way_in_words(self) -> str:
        return f"{self.under_way} or more" if self.under_way == MOST_COUNTED else str(self.under_way)


@dataclass(frozen=True, slots=True)
class RolePages:
    roles: Roles
    policies: PrincipalPolicies
    managed: ManagedPolicies
    deletions: Deletions
    replication: Replication
    known: Collection[RegionName]

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/roles"
        return (
            Route("GET", base, self.show_all),
            Route("GET", f"{base}/{{name}}", self.show),
            Route("GET", f"{base}/{{name}}/description", self.ask_for_description),
            Route("POST", f"{base}/{{name}}/description", self.describe),
            Route("GET", f"{base}/{{name}}/delete", self.ask_to_delete),
            Route("POST", f"{base}/{{name}}/delete", self.delete),
            Route("GET", f"{base}/{{name}}/deletion", self.progress),
            Route("GET", f"{base}/{{name}}/deletion/fresh", self.fresh),
        )

    async def show_all(self, visit: Visit) -> Page:
        after = visit.query.one("after")
        found = await self.roles.list(visit.global_caller, "/", Slice(after, _PER_PAGE))
        shown = found[:_PER_PAGE]
        more = shown[-1].name.lower() if len(found) > _PER_PAGE else ""
        values = {
            "roles": [(role, words.trusted(role.trust)) for role in shown],
            "next": more and address(f"{visit.home}/roles", after=more),
            "is_first": not after,
            "command": commands.iam(visit).line("iam list-roles"),
        }
        return Page("roles.html", "Roles", _SECTION, values)

    async def show(self, visit: Visit) -> Page:
        role = await self._role(visit)
        texts, denied = await self._policies(visit, role)
        values = {
            "role": role,
            "trust": commands.pretty(role.trust)[:_MOST_SHOWN],
            "policies": texts,
            "policies_denied": denied,
            **await self._uses(visit, role),
            "done": _DONE.get(visit.query.one("done"), ""),
            "command": commands.iam(visit).line("iam get-role", role_name=role.name),
        }
        return Page("role.html", role.name, _SECTION, values)

    # --- the description ----------------------------------------------------------------------------------

    async def ask_for_description(self, visit: Visit) -> Page:
        role = await self._role(visit)
        return _description(visit, role, role.description or "")

    async def describe(self, visit: Visit) -> Result:
        role, text = await self._role(visit), visit.form.one("description")
        try:
            _check_description(text)
            await self.roles.update(visit.global_caller, role.name, description=text, max_session=None)
        except Refusal as refusal:
            return refused(_description(visit, role, text), refusal)
        return Redirect(address(f"{visit.home}/roles/{role.name}", done="described"))

    # --- the deletion -------------------------------------------------------------------------------------

    async def ask_to_delete(self, visit: Visit) -> Page:
        """Show when and where the role was last used, before the visitor confirms."""
        role = await self._role(visit)
        if role.service is None:
            raise PathUnknown(visit.path)
        values = {
            "role": role,
            **await self._uses(visit, role),
            "command": commands.iam(visit).line("iam delete-service-linked-role", role_name=role.name),
            "problem": None,
        }
        return Page("role_delete.html", "Delete role", _SECTION, values)

    async def delete(self, visit: Visit) -> Result:
        name = visit.parts["name"]
        try:
            require_confirmation(visit, name)
            task = await self.deletions.submit(visit.global_caller, name)
        except Refusal as refusal:
            return refused(await self.ask_to_delete(visit), refusal)
        return Redirect(address(f"{visit.home}/roles/{name}/deletion", task=task.id))

    async def progress(self, visit: Visit) -> Page:
        values = await self._task(visit)
        return Page("role_deletion.html", "Deletion of a role", _SECTION, values)

    async def fresh(self, visit: Visit) -> Fragment:
        return Fragment("role_deletion_state.html", await self._task(visit))

    async def _task(self, visit: Visit) -> dict[str, object]:
        task = await self.deletions.status(visit.global_caller, visit.query.one("task"))
        here = f"{visit.home}/roles/{visit.parts['name']}/deletion"
        return {
            "task": task,
            "name": task.role_name,
            "state": task.status.value,
            "is_pending": task.status in (TaskStatus.NOT_STARTED, TaskStatus.IN_PROGRESS),
            "usages": _usages(task),
            "here": address(here, task=task.id),
            "live": address(f"{here}/fresh", task=task.id),
            "command": commands.iam(visit).line(
                "iam get-service-linked-role-deletion-status", deletion_task_id=task.id
            ),
        }

    # --- the facts of a role on a page --------------------------------------------------------------------

    async def _role(self, visit: Visit) -> Role:
        return await self.roles.get(visit.global_caller, visit.parts["name"])

    async def _policies(self, visit: Visit, role: Role) -> tuple[list[PolicyText], str]:
        """Return the texts of the role's policies, or why they are not shown."""
        caller = visit.global_caller
        try:
            arns = await self.policies.attached(caller, _ROLE, role.name)
            texts = [await self._attached(visit, arn) for arn in arns]
            for name in await self.policies.names(caller, _ROLE, role.name, Slice(limit=_PER_PAGE)):
                text = await self.policies.get(caller, _ROLE, role.name, name)
                texts.append(PolicyText(name, "inline", commands.pretty(text)[:_MOST_SHOWN]))
        except AccessDenied as refusal:
            return [], refusal.message
        return texts, ""

    async def _attached(self, visit: Visit, arn: str) -> PolicyText:
        policy = await self.managed.get(visit.global_caller, arn)
        version = await self.managed.version(visit.global_caller, arn, policy.default_version)
        return PolicyText(policy.name, arn, commands.pretty(version.document)[:_MOST_SHOWN])

    async def _uses(self, visit: Visit, role: Role) -> dict[str, object]:
        """Return the Regions that use the replication role. Other service-linked roles are not used by any Region yet.

        If the visitor may not see a Region, `uses_denied` has the reason, once for all such Regions.
        """
        uses, denied = [], ""
        for region in regions.ordered(self.known) if role.name == REPLICATION_ROLE else ():
            try:
                uses.append(await self._use(visit, region))
            except AccessDenied as refusal:
                denied = refusal.message
        return {"uses": [use for use in uses if use.is_in_the_way or use.last], "uses_denied": denied}

    async def _use(self, visit: Visit, region: regions.NamedRegion) -> RegionUse:
        caller = replace(visit.caller, origin=replace(visit.caller.origin, region=region.code))
        activity = await self.replication.activity(caller, Registry(caller.account, region.code))
        last = words.time(activity.last_carried_at) if activity.last_carried_at else ""
        path = f"/console/{region.code}/replication"
        return RegionUse(region.code, region.name, activity.rules, activity.unsettled, last, path)


def _check_description(text: str) -> None:
    """Raise InvalidInput for a description that IAM's wire format refuses."""
    if len(text) > _LONGEST_DESCRIPTION or not _DESCRIPTION.fullmatch(text):
        raise InvalidInput(f"a description has at most {_LONGEST_DESCRIPTION} characters, all of them of Latin-1")


def _description(visit: Visit, role: Role, text: str) -> Page:
    options = {"role_name": role.name, "description": text}
    command = commands.iam(visit).line("iam update-role", **options)
    values = {"role": role, "text": text, "command": command, "problem": None}
    return Page("role_description.html", "Edit description", _SECTION, values)


def _usages(task: DeletionTask) -> list[tuple[regions.NamedRegion, str]]:
    """Return the Regions that a failed task names, with their replication pages."""
    usage = task.reason.usage if task.reason else ()
    return [(regions.named(each.region), f"/console/{each.region}/replication") for each in usage]
