"""The pages of the principals whose pulls leave no time of the last pull: the list, and adding and removing one."""

from dataclasses import dataclass

from twinport.console import bounds, commands
from twinport.console.pages import address, refused
from twinport.console.routes import Route
from twinport.console.visits import Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.registry.paging import PageRequest
from twinport.registry.pull_time_exclusions import MOST_EXCLUSIONS, PullTimeExclusions

_SECTION = "registry"
_PER_PAGE = 50
_LONGEST_ECHO = 1000
_DONE = {
    "registered": "The principal was added: its pulls leave no time from now on.",
    "deregistered": "The principal was removed: its pulls leave their time again.",
}


@dataclass(frozen=True, slots=True)
class PullTimeExclusionPages:
    exclusions: PullTimeExclusions

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/pull-time-exclusions"
        return (
            Route("GET", base, self.list),
            Route("POST", base, self.register),
            Route("GET", f"{base}/deregister", self.ask_to_deregister),
            Route("POST", f"{base}/deregister", self.deregister),
        )

    async def list(self, visit: Visit) -> Page:
        return await self._list(visit, "")

    async def register(self, visit: Visit) -> Result:
        principal = visit.form.one("principal")
        try:
            bounds.check("RegisterPullTimeUpdateExclusion", {"principalArn": principal})
            await self.exclusions.register(visit.caller, visit.registry, principal)
        except Refusal as refusal:
            return refused(await self._list(visit, principal[:_LONGEST_ECHO]), refusal)
        return Redirect(address(f"{visit.home}/pull-time-exclusions", done="registered"))

    async def ask_to_deregister(self, visit: Visit) -> Page:
        # Only a user that may see the list is asked, since only what is in the list can be removed.
        await self.exclusions.list(visit.caller, visit.registry, PageRequest(1))
        return _removal(visit, visit.query.one("principal"))

    async def deregister(self, visit: Visit) -> Result:
        principal = visit.form.one("principal")
        try:
            bounds.check("DeregisterPullTimeUpdateExclusion", {"principalArn": principal})
            await self.exclusions.deregister(visit.caller, visit.registry, principal)
        except Refusal as refusal:
            return refused(_removal(visit, principal), refusal)
        return Redirect(address(f"{visit.home}/pull-time-exclusions", done="deregistered"))

    async def _list(self, visit: Visit, principal: str) -> Page:
        token, path = visit.query.one("page"), f"{visit.home}/pull-time-exclusions"
        page = await self.exclusions.list(visit.caller, visit.registry, PageRequest(_PER_PAGE, token or None))
        values = {
            "rows": [(arn, address(f"{path}/deregister", principal=arn)) for arn in page.items],
            "next": page.token and address(path, page=page.token),
            "first": path,
            "is_first": not token,
            "most": MOST_EXCLUSIONS,
            "principal": principal,
            "done": _DONE.get(visit.query.one("done"), ""),
            "problem": None,
            "command": commands.ecr(visit).line(
                "ecr register-pull-time-update-exclusion", principal_arn=principal or "ARN"
            ),
        }
        return Page("pull_time_exclusions.html", "Pull-time update exclusions", _SECTION, values)


def _removal(visit: Visit, principal: str) -> Page:
    shown = principal[:_LONGEST_ECHO]
    command = commands.ecr(visit).line("ecr deregister-pull-time-update-exclusion", principal_arn=shown or "ARN")
    values = {"principal": shown, "command": command, "problem": None}
    return Page("pull_time_exclusions_remove.html", "Remove pull-time update exclusion", _SECTION, values)
