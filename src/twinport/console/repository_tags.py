"""The tags of a repository itself: the list, and the forms that set and remove them."""

import json
from dataclasses import dataclass

from twinport.console import commands
from twinport.console.pages import address, asked_repository, refused
from twinport.console.routes import Route
from twinport.console.tag_fields import as_option
from twinport.console.visits import Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.model.tags import MOST_TAGS, resource_tags
from twinport.refusals.requests import InvalidTag
from twinport.registry.repositories import RepositoryTags

_SECTION = "repositories"
_DONE = {"set": "The tag is saved.", "removed": "The tags were removed."}
_MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Typed:
    """What the page's forms hold."""

    key: str = ""
    value: str = ""
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RepositoryTagPages:
    tags: RepositoryTags

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/tags"
        return (
            Route("GET", base, self.show),
            Route("POST", f"{base}/set", self.set),
            Route("POST", f"{base}/remove", self.remove),
        )

    async def show(self, visit: Visit) -> Page:
        """List the tags. The address may name one to change."""
        return await self._page(visit, Typed(key=visit.query.one("key")), fills=True)

    async def set(self, visit: Visit) -> Result:
        """Add a tag, or change the value of one that is there."""
        name = asked_repository(visit)
        typed = Typed(visit.form.one("key")[:_MOST_KEPT], visit.form.one("value")[:_MOST_KEPT])
        try:
            tags = resource_tags([(typed.key, typed.value)])
            await self.tags.put(visit.caller, visit.registry.repository(name), tags)
        except Refusal as refusal:
            return refused(await self._page(visit, typed), refusal)
        return Redirect(address(f"{visit.home}/tags", repository=name, done="set"))

    async def remove(self, visit: Visit) -> Result:
        name, chosen = asked_repository(visit), visit.form.all("chosen")[:MOST_TAGS]
        try:
            if not chosen:
                raise InvalidTag("choose at least one tag to remove")
            await self.tags.remove(visit.caller, visit.registry.repository(name), chosen)
        except Refusal as refusal:
            return refused(await self._page(visit, Typed(chosen=chosen)), refusal)
        return Redirect(address(f"{visit.home}/tags", repository=name, done="removed"))

    async def _page(self, visit: Visit, typed: Typed, *, fills: bool = False) -> Page:
        """Show the tags and the forms. `fills` takes the value of the named tag from what is stored."""
        name = asked_repository(visit)
        tags = await self.tags.list(visit.caller, visit.registry.repository(name))
        if fills:
            typed = Typed(typed.key[:_MOST_KEPT], tags.get(typed.key, ""))
        values = {
            "name": name,
            "typed": typed,
            "rows": sorted(tags.items()),
            "most": MOST_TAGS,
            "changes": typed.key in tags,
            "done": _DONE.get(visit.query.one("done"), ""),
            "problem": None,
            **_commands(visit, name, typed, sorted(tags)),
        }
        return Page("repository_tags.html", name, _SECTION, values)


def _commands(visit: Visit, name: str, typed: Typed, keys: list[str]) -> dict[str, str]:
    cli, arn = commands.ecr(visit), visit.registry.repository_arn(name)
    given = as_option([(typed.key or "KEY", typed.value or "VALUE")])
    removed = json.dumps(list(typed.chosen) or keys[:1], ensure_ascii=False)
    return {
        "command": cli.line("ecr list-tags-for-resource", resource_arn=arn),
        "set_command": cli.line("ecr tag-resource", resource_arn=arn, tags=given),
        "remove_command": cli.line("ecr untag-resource", resource_arn=arn, tag_keys=removed),
    }
