"""The images of a repository, and the replication status of each image."""

from dataclasses import dataclass

from twinport.console import commands, words
from twinport.console.pages import address
from twinport.console.routes import Route
from twinport.console.visits import Fragment, Page, Visit
from twinport.console.words import CopyState
from twinport.errors import AccessDenied
from twinport.model.addresses import repository_uri
from twinport.model.images import ImageDetail, ImageFilter, ImageId
from twinport.model.names import Registry, RepositoryName, repository_name
from twinport.refusals.images import ImageNotFound
from twinport.registry.images import Images
from twinport.registry.paging import PageRequest
from twinport.registry.replication import Replication
from twinport.registry.repositories import Repositories

_EVERY = ImageFilter(status=None)
_PER_PAGE = 20
_TAGS_SHOWN = 10
_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_SECTION = "repositories"


@dataclass(frozen=True, slots=True)
class ImageRow:
    """`denied` is the reason if the visitor may not see the copies."""

    tags: tuple[str, ...]
    more_tags: int
    digest: str
    short: str
    size: str
    pushed: str
    kind: str
    came_from: Registry | None
    copies: tuple[CopyState, ...]
    denied: str


@dataclass(frozen=True, slots=True)
class ImagePages:
    """A page of images reads only the copies of its own images, however many images the repository holds."""

    repositories: Repositories
    images: Images
    replication: Replication
    public_url: str | None

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/console/{region}/images", self.list),
            Route("GET", "/console/{region}/images/fresh", self.fresh),
        )

    async def list(self, visit: Visit) -> Page:
        name = repository_name(visit.query.one("repository"))
        (repository,) = await self.repositories.describe(visit.caller, visit.registry, [name])
        host = visit.endpoint.partition("://")[2]
        values = await self._table(visit, name) | {
            "name": name,
            "repository": repository,
            "uri": repository_uri(visit.registry, name, host, self.public_url),
            "login": _login(visit, host),
            "command": commands.ecr(visit).line("ecr describe-images", repository_name=name),
            "is_first": not visit.query.one("page"),
        }
        return Page("images.html", name, _SECTION, values)

    async def fresh(self, visit: Visit) -> Fragment:
        return Fragment("images_table.html", await self._table(visit, repository_name(visit.query.one("repository"))))

    async def _table(self, visit: Visit, name: RepositoryName) -> dict[str, object]:
        token = visit.query.one("page")
        request = PageRequest(_PER_PAGE, token or None)
        page = await self.images.describe_all(visit.caller, visit.registry, name, _EVERY, request)
        rows = [await self._row(visit, name, detail) for detail in page.items]
        return {
            "rows": rows,
            "next": page.token and address(f"{visit.home}/images", repository=name, page=page.token),
            "here": address(f"{visit.home}/images", repository=name, page=token),
            "live": address(f"{visit.home}/images/fresh", repository=name, page=token),
            "unsettled": sum(not copy.is_settled for row in rows for copy in row.copies),
        }

    async def _row(self, visit: Visit, name: RepositoryName, detail: ImageDetail) -> ImageRow:
        copies, denied = await self._copies(visit, name, detail)
        return ImageRow(
            tags=detail.tags[:_TAGS_SHOWN],
            more_tags=max(0, len(detail.tags) - _TAGS_SHOWN),
            digest=str(detail.digest),
            short=words.short_digest(str(detail.digest)),
            size=words.size(detail.size),
            pushed=words.time(detail.pushed_at),
            kind=_kind(detail),
            came_from=detail.came_from,
            copies=copies,
            denied=denied,
        )

    async def _copies(
        self, visit: Visit, name: RepositoryName, detail: ImageDetail
    ) -> tuple[tuple[CopyState, ...], str]:
        image = ImageId(detail.digest, None)
        try:
            found = await self.replication.status(visit.caller, visit.registry, name, image)
        except AccessDenied as refusal:
            return (), refusal.message
        except ImageNotFound:
            return (), ""
        return tuple(words.copy_state(report) for report in found.reports), ""


def _kind(detail: ImageDetail) -> str:
    if "index" in detail.media_type or "list" in detail.media_type:
        return "index"
    is_image = detail.artifact_type in (None, *_CONFIGS) and detail.subject is None
    return "image" if is_image else "artifact"


def _login(visit: Visit, host: str) -> str:
    password = commands.ecr(visit).line("ecr get-login-password")
    return f"{password} \\\n  | docker login --username AWS --password-stdin {host}"
