"""The page that deletes a repository: what is lost, and the name typed."""

from dataclasses import dataclass

from twinport.console import commands
from twinport.console.pages import address, asked_repository, refused, require_confirmation
from twinport.console.routes import Route
from twinport.console.visits import Page, Redirect, Result, Visit
from twinport.errors import AccessDenied, Refusal
from twinport.model.images import ImageFilter
from twinport.model.names import RepositoryName
from twinport.registry.images import Images
from twinport.registry.paging import PageRequest
from twinport.registry.repositories import Contents, Repositories

_SECTION = "repositories"
_MOST_COUNTED = 100
_EVERY = ImageFilter(status=None)


@dataclass(frozen=True, slots=True)
class DeletionPages:
    repositories: Repositories
    images: Images

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/repositories/delete"
        return (Route("GET", base, self.ask), Route("POST", base, self.delete))

    async def ask(self, visit: Visit) -> Page:
        name = asked_repository(visit)
        await self.repositories.describe(visit.caller, visit.registry, [name])
        count, contents = await self._contents(visit, name)
        forced = visit.form.one("images") == "deleted"
        switches = ["force"] if forced or count else []
        values = {
            "name": name,
            "contents": contents,
            "may_have_images": count is None or count > 0,
            "forced": forced,
            "problem": None,
            "command": commands.ecr(visit).line("ecr delete-repository", *switches, repository_name=name),
        }
        return Page("repository_delete.html", "Delete repository", _SECTION, values)

    async def delete(self, visit: Visit) -> Result:
        name = asked_repository(visit)
        contents = Contents.DELETED if visit.form.one("images") == "deleted" else Contents.SPARED
        try:
            require_confirmation(visit, name)
            await self.repositories.delete(visit.caller, visit.registry.repository(name), contents)
        except Refusal as refusal:
            return refused(await self.ask(visit), refusal)
        return Redirect(address(f"{visit.home}/repositories", done="deleted"))

    async def _contents(self, visit: Visit, name: RepositoryName) -> tuple[int | None, str]:
        """Count the images, up to a bound, and say the number; or why the visitor may not know it."""
        request = PageRequest(_MOST_COUNTED)
        try:
            page = await self.images.describe_all(visit.caller, visit.registry.repository(name), _EVERY, request)
        except AccessDenied as refusal:
            return None, refusal.message
        count = len(page.items)
        if page.token:
            return count, f"It has more than {count} images, with all their tags."
        words = {0: "It has no images.", 1: "It has 1 image, with all its tags."}
        return count, words.get(count, f"It has {count} images, with all their tags.")
