"""The list of a registry's repositories."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from twinport.console import commands, regions, tag_rules
from twinport.console.pages import address
from twinport.console.regions import NamedRegion
from twinport.console.routes import Route
from twinport.console.visits import Page, Visit
from twinport.errors import AccessDenied, Unavailable
from twinport.model.addresses import repository_uri
from twinport.model.identities import Caller
from twinport.model.images import Repository
from twinport.model.names import RegionName, Registry
from twinport.registry.paging import PageRequest
from twinport.registry.repositories import Repositories

_PER_PAGE = 50
_LONGEST_NAME = 256
_SECTION = "repositories"
_DONE = {"deleted": "The repository was deleted."}


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    name: str
    uri: str
    tags: str
    scans: str
    encryption: str
    created: str
    path: str


@dataclass(frozen=True, slots=True)
class RepositoryPages:
    """`known` are the Regions of this deployment, and `at_home` is the one that it opens for an empty account."""

    repositories: Repositories
    known: Collection[RegionName]
    public_url: str | None
    at_home: RegionName

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/console/{region}/repositories", self.list),)

    async def list(self, visit: Visit) -> Page:
        token, prefix = visit.query.one("page") or None, visit.query.one("search")[:_LONGEST_NAME]
        page = await self.repositories.list(visit.caller, visit.registry, PageRequest(_PER_PAGE, token), prefix)
        elsewhere = () if page.items or token or prefix else await self._elsewhere(visit.caller, visit.region)
        values = {
            "rows": [self._row(visit, each) for each in page.items],
            "search": prefix,
            "next": page.token and address(f"{visit.home}/repositories", search=prefix, page=page.token),
            "first": address(f"{visit.home}/repositories", search=prefix),
            "is_first": token is None,
            "elsewhere": elsewhere,
            "done": _DONE.get(visit.query.one("done"), ""),
            "command": _command(visit, prefix),
        }
        return Page("repositories.html", "Repositories", _SECTION, values)

    async def first_page(self, caller: Caller) -> str:
        """Return a visitor's first page: in the Region where the account has its oldest repository, if it has any.

        Of each Region the repository that is first by name is looked at: a copy is younger than its source.
        """
        begun = [(first, region) for region in self.known if (first := await self._begun(caller, region)) is not None]
        return f"/console/{min(begun)[1] if begun else self.at_home}/repositories"

    async def _elsewhere(self, caller: Caller, region: RegionName) -> tuple[NamedRegion, ...]:
        others = [other for other in self.known if other != region]
        return regions.ordered([other for other in others if await self._begun(caller, other) is not None])

    async def _begun(self, caller: Caller, region: RegionName) -> datetime | None:
        """Return when the first repository of a Region was created. None for a Region that cannot say."""
        there = replace(caller, origin=replace(caller.origin, region=region))
        try:
            page = await self.repositories.list(there, Registry(caller.account, region), PageRequest(1))
        except (AccessDenied, Unavailable):
            return None
        return page.items[0].created_at if page.items else None

    def _row(self, visit: Visit, repository: Repository) -> RepositoryRow:
        host = visit.endpoint.partition("://")[2]
        return RepositoryRow(
            name=repository.name,
            uri=repository_uri(repository.identity, host, self.public_url),
            tags=tag_rules.in_words(repository.tag_rule),
            scans="On" if repository.scan_on_push else "Off",
            encryption=repository.encryption,
            created=f"{repository.created_at:%Y-%m-%d %H:%M} UTC",
            path=address(f"{visit.home}/images", repository=repository.name),
        )


def _command(visit: Visit, prefix: str) -> str:
    text = prefix.replace("\\", r"\\").replace("'", r"\'")
    query = {"query": f"repositories[?starts_with(repositoryName, '{text}')]"} if prefix else {}
    return commands.ecr(visit).line("ecr describe-repositories", **query)
