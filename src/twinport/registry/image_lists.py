"""The verb of lists of images in several orders, with a search and filters: what the console shows.

ECR has no operation like it: DescribeImages lists in the order of digests. It needs the same permission.
"""

from dataclasses import dataclass

from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import image_lists, images, repositories
from twinport.catalog.regional.image_lists import Place
from twinport.model.identities import Caller
from twinport.model.image_queries import ImageQuery
from twinport.model.images import ImageDetail
from twinport.model.names import RepositoryId
from twinport.registry import paging
from twinport.registry.paging import PageRequest, Position

_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image of a list. `tag` is set in a list by tag: the one that the image is listed for."""

    detail: ImageDetail
    tag: str | None


@dataclass(frozen=True, slots=True)
class ImagePage:
    """A page of images. It may have few or none although more follow: only `looked_at` are looked at for one page.

    `looked_at` is 0 in a list without filters.
    """

    items: tuple[ListedImage, ...]
    token: str | None
    looked_at: int


@dataclass(frozen=True, slots=True)
class ImageLists:
    """A verb of no operation of ECR, so `composition.doors` builds it for the console alone."""

    gate: Gate
    catalog: Catalog

    async def page(self, caller: Caller, repository: RepositoryId, query: ImageQuery, page: PageRequest) -> ImagePage:
        """Return a page of a list. Raises RepositoryNotFound, and InvalidParameter for another list's token."""
        await self.gate.authorize(caller, "ecr:DescribeImages", RepositoryResource(repository))
        request = ("images in order", str(repository.registry), repository.name, *query.words)
        kinds = image_lists.kinds(query.order)
        after = None if page.token is None else _place(paging.start(page, request, ("",) * len(kinds)), kinds)
        items, rest = await self.catalog.region(repository.region).read_much(
            lambda db: _read(db, repositories.get(db, repository).id, query, after, page.limit)
        )
        token = None if rest is None else paging.token(tuple(map(str, rest)), request)
        return ImagePage(items, token, image_lists.MOST_LOOKED_AT if query.is_filtered else 0)


def _read(
    db: Connection, repository_id: int, query: ImageQuery, after: Place | None, limit: int
) -> tuple[tuple[ListedImage, ...], Place | None]:
    looked = image_lists.find(db, repository_id, query, after, limit)
    details = images.details(db, repository_id, list(dict.fromkeys(each.digest for each in looked.found)))
    # One that is not there was deleted since the statement before.
    items = [ListedImage(details[each.digest], each.tag) for each in looked.found if each.digest in details]
    return tuple(items), looked.rest


def _place(position: Position, kinds: tuple[type[str] | type[int], ...]) -> Place:
    """Read a place. Any client can make a token, so it may be anything."""
    return tuple(_number(part) if kind is int else _text(part) for part, kind in zip(position, kinds, strict=True))


def _number(part: str) -> int:
    if part.isascii() and part.isdecimal() and len(part) <= len(str(_MOST)) and int(part) <= _MOST:
        return int(part)
    raise paging.foreign_token()


def _text(part: str) -> str:
    if part.isascii() and part.isprintable():
        return part
    raise paging.foreign_token()
