"""The list of a repository's images: in several orders, searched and filtered, with the copies of each image."""

from dataclasses import dataclass
from typing import TypeVar

from twinport.console import commands, image_facts, image_selection, words
from twinport.console.image_facts import Status
from twinport.console.image_page import path_of
from twinport.console.pages import address, refused
from twinport.console.routes import Route
from twinport.console.visits import Fragment, Page, Visit
from twinport.console.words import CopyState
from twinport.model.addresses import repository_uri
from twinport.model.image_queries import ImageOrder, ImageQuery
from twinport.model.images import ImageStatus, TagStatus
from twinport.model.names import Registry, RepositoryName, repository_name
from twinport.refusals.requests import InvalidParameter
from twinport.registry.image_lists import ImageLists, ListedImage
from twinport.registry.paging import PageRequest
from twinport.registry.replication import Replication
from twinport.registry.repositories import Repositories

_PER_PAGE = 20
_TAGS_SHOWN = 10
_LONGEST_SEARCH = 200
_SECTION = "repositories"
_ORDERS = {
    ImageOrder.NEWEST: "Pushed, newest first",
    ImageOrder.OLDEST: "Pushed, oldest first",
    ImageOrder.LARGEST: "Size, largest first",
    ImageOrder.SMALLEST: "Size, smallest first",
    ImageOrder.TAG: "Tag, A to Z",
    ImageOrder.TAG_BACKWARDS: "Tag, Z to A",
    ImageOrder.DIGEST: "Digest",
    ImageOrder.ARCHIVED: "Archived, last first",
}
_STATUSES = {
    ImageStatus.ACTIVE: "Active",
    ImageStatus.ARCHIVED: "Archived",
    ImageStatus.ACTIVATING: "Being restored",
}
_TAGS = {TagStatus.ANY: "With and without tags", TagStatus.TAGGED: "With tags", TagStatus.UNTAGGED: "Without tags"}
K = TypeVar("K", ImageOrder, ImageStatus, TagStatus)
Choices = list[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class ImageRow:
    """`path` leads to the image's page. `denied` is the reason if the visitor may not see the copies."""

    path: str
    tags: tuple[str, ...]
    more_tags: int
    digest: str
    short: str
    size: str
    pushed: str
    pulled: str
    status: Status
    kind: str
    came_from: Registry | None
    copies: tuple[CopyState, ...]
    denied: str


@dataclass(frozen=True, slots=True)
class ImagePages:
    """A page of images reads only the copies of its own images, however many images the repository holds."""

    repositories: Repositories
    lists: ImageLists
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
        about = {
            "name": name,
            "repository": repository,
            "uri": repository_uri(visit.registry.repository(name), host, self.public_url),
            "login": _login(visit, host),
            "is_first": not visit.query.one("page"),
            "first": address(f"{visit.home}/images", repository=name, **_chosen(visit)),
            "place": _place(visit),
            "done": _done(visit),
            "unchosen": image_selection.problem(visit),
            "problem": None,
        }
        try:
            query = _query(visit)
            table = await self._table(visit, name, query)
        except InvalidParameter as refusal:
            values = (
                about | _form(visit, None) | {"rows": [], "next": None, "command": _command(visit, ImageQuery(), name)}
            )
            return refused(Page("images.html", name, _SECTION, values), refusal)
        values = about | _form(visit, query) | table | {"command": _command(visit, query, name)}
        return Page("images.html", name, _SECTION, values)

    async def fresh(self, visit: Visit) -> Fragment:
        name = repository_name(visit.query.one("repository"))
        return Fragment("images_table.html", await self._table(visit, name, _query(visit)))

    async def _table(self, visit: Visit, name: RepositoryName, query: ImageQuery) -> dict[str, object]:
        token, path = visit.query.one("page"), f"{visit.home}/images"
        page = await self.lists.page(
            visit.caller, visit.registry.repository(name), query, PageRequest(_PER_PAGE, token or None)
        )
        rows = [await self._row(visit, name, each) for each in page.items]
        here = {"repository": name, **_chosen(visit)}
        under_way = sum(not copy.is_settled for row in rows for copy in row.copies)
        return {
            "rows": rows,
            "next": page.token and address(path, **here, page=page.token),
            "here": address(path, **here, page=token),
            "live": address(f"{path}/fresh", **here, page=token),
            "in_motion": image_facts.in_motion(under_way, sum(not row.status.is_settled for row in rows)),
            "looked_at": page.looked_at,
        }

    async def _row(self, visit: Visit, name: RepositoryName, each: ListedImage) -> ImageRow:
        detail = each.detail
        copies, denied = await image_facts.copies(self.replication, visit, name, detail)
        tags = detail.tags if each.tag is None else (each.tag, *(tag for tag in detail.tags if tag != each.tag))
        return ImageRow(
            path=path_of(visit, name, str(detail.digest)),
            tags=tags[:_TAGS_SHOWN],
            more_tags=max(0, len(tags) - _TAGS_SHOWN),
            digest=str(detail.digest),
            short=words.short_digest(str(detail.digest)),
            size=words.size(detail.size),
            pushed=words.time(detail.pushed_at),
            pulled=words.time(detail.pulled_at),
            status=image_facts.status(detail),
            kind=image_facts.kind(detail),
            came_from=detail.came_from,
            copies=copies,
            denied=denied,
        )


def _query(visit: Visit) -> ImageQuery:
    """Read what the address asks for. An unknown order or filter is none. Raises InvalidParameter."""
    order, status, tags = (visit.query.one(name) for name in ("sort", "status", "tags"))
    return ImageQuery.parse(
        _named(_ORDERS, order),
        visit.query.one("search"),
        _named(_STATUSES, status),
        _named(_TAGS, tags) or TagStatus.ANY,
    )


def _named(known: dict[K, str], text: str) -> K | None:
    return next((each for each in known if each.value == text), None)


def _chosen(visit: Visit) -> dict[str, str]:
    return {name: visit.query.one(name)[:_LONGEST_SEARCH] for name in ("search", "status", "tags", "sort")}


def _place(visit: Visit) -> list[tuple[str, str]]:
    """Return the hidden fields by which a form that chooses nothing leads back to the same part of the list."""
    place = {**_chosen(visit), "page": visit.query.one("page")}
    return [(name, value) for name, value in place.items() if value]


def _form(visit: Visit, query: ImageQuery | None) -> dict[str, object]:
    """Return what the form of a list holds: the query that was answered, or what the address says of another one."""
    given = _chosen(visit)
    shown = {"sort": query.order.value, "status": query.status.value if query.status else ""} if query else {}
    given |= shown
    return {
        "search": given["search"],
        "orders": _choices(_ORDERS, given["sort"]),
        "statuses": [("", "Any status", not given["status"]), *_choices(_STATUSES, given["status"])],
        "tag_choices": _choices(_TAGS, given["tags"]),
        "is_narrowed": _is_narrowed(given),
    }


def _is_narrowed(given: dict[str, str]) -> bool:
    """Tell whether a list may leave images out: by a search, a filter, or an order that has not every image."""
    orders = (ImageOrder.TAG.value, ImageOrder.TAG_BACKWARDS.value, ImageOrder.ARCHIVED.value)
    has_filter = bool(given["search"] or given["status"]) or given["tags"] not in ("", TagStatus.ANY.value)
    return has_filter or given["sort"] in orders


def _choices(known: dict[K, str], chosen: str) -> Choices:
    return [(each.value, text, each.value == chosen) for each, text in known.items()]


def _command(visit: Visit, query: ImageQuery, name: RepositoryName) -> str:
    """Return the command for the same images. The AWS CLI sorts and searches what it has read whole."""
    filters = f"imageStatus={query.status.value if query.status else 'ANY'}"
    if query.tags is not TagStatus.ANY:
        filters += f",tagStatus={query.tags.value}"
    return commands.ecr(visit).line("ecr describe-images", repository_name=name, filter=filters, query=_jmespath(query))


def _jmespath(query: ImageQuery) -> str:
    images = "imageDetails"
    if query.prefix and query.order.is_by_tag:
        images = f"imageDetails[?imageTags[?starts_with(@, '{query.prefix}')]]"
    elif query.prefix:
        images = f"imageDetails[?starts_with(imageDigest, '{query.prefix}')]"
    key = _KEYS.get(query.order)
    if key is None:
        return images
    in_order = f"sort_by({images}, &{key})"
    return f"reverse({in_order})" if query.order.is_descending else in_order


_KEYS = {
    ImageOrder.NEWEST: "imagePushedAt",
    ImageOrder.OLDEST: "imagePushedAt",
    ImageOrder.LARGEST: "imageSizeInBytes",
    ImageOrder.SMALLEST: "imageSizeInBytes",
    ImageOrder.DIGEST: "imageDigest",
    ImageOrder.ARCHIVED: "lastArchivedAt",
}


def _done(visit: Visit) -> str:
    """Say what a form did that led here."""
    count = visit.query.one("count")
    if not (count.isascii() and count.isdecimal() and len(count) <= len("100")):
        return ""
    number = "1 image was" if count == "1" else f"{count} images were"
    done = {"deleted": "deleted.", "archived": "moved to the archive.", "restoring": "taken out of the archive."}
    told = done.get(visit.query.one("done"))
    return f"{number} {told}" if told else ""


def _login(visit: Visit, host: str) -> str:
    password = commands.ecr(visit).line("ecr get-login-password")
    return f"{password} \\\n  | docker login --username AWS --password-stdin {host}"
