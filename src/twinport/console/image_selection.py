"""The images that a form is about: chosen on the list by their digests, a hundred at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import wraps

from twinport.console import image_facts, words
from twinport.console.image_facts import Status
from twinport.console.image_page import SECTION, path_of
from twinport.console.pages import address, asked_repository
from twinport.console.problems import Problem
from twinport.console.routes import Handler
from twinport.console.visits import Fields, Page, Redirect, Result, Visit
from twinport.model.content import Digest
from twinport.model.images import ImageDetail, NamedImage
from twinport.model.manifests import INDEX_TYPES
from twinport.model.names import RepositoryName, repository_name
from twinport.refusals.images import ImageNotFound
from twinport.refusals.requests import InvalidParameter
from twinport.registry.images import Images

MOST_CHOSEN = 100
_TAGS_SHOWN = 5
# The fields of a list's address that say which part of it is shown, and in which order.
_PLACE = ("search", "status", "tags", "sort", "page")
_PROBLEMS = {
    "none": Problem(400, "Nothing chosen", "No image was chosen.", "Choose at least one image of the list."),
    "gone": Problem(404, "Not found", "An image that was chosen is not here any more.", "Choose again from the list."),
}


class NothingChosen(InvalidParameter):
    """A form for chosen images was sent without one."""

    def __init__(self) -> None:
        super().__init__("digest", "choose at least one image")


@dataclass(frozen=True, slots=True)
class ChosenRow:
    path: str
    digest: str
    short: str
    kind: str
    tags: tuple[str, ...]
    more_tags: int
    pushed: str
    size: str
    status: Status


@dataclass(frozen=True, slots=True)
class FailedImage:
    """An image that was not changed, with ECR's code and reason."""

    path: str
    short: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """A repository and the images of it that were chosen."""

    name: RepositoryName
    digests: tuple[Digest, ...]

    @classmethod
    def read(cls, fields: Fields) -> "Selection":
        """Read a selection from a query string or a form. Raises NothingChosen, and InvalidParameter for too many."""
        digests = tuple(dict.fromkeys(Digest.parse(text) for text in fields.all("digest") if text))
        if not digests:
            raise NothingChosen
        if len(digests) > MOST_CHOSEN:
            raise InvalidParameter("digest", f"choose at most {MOST_CHOSEN} images at once")
        return cls(repository_name(fields.one("repository")), digests)

    async def described(self, images: Images, visit: Visit) -> Sequence[ImageDetail]:
        """Return what was chosen, indexes before what they may contain. Raises ImageNotFound."""
        named = [NamedImage(str(digest)) for digest in self.digests]
        found = await images.describe(visit.caller, visit.registry.repository(self.name), named)
        return sorted(found, key=lambda detail: detail.media_type not in INDEX_TYPES)

    def back(self, visit: Visit) -> str:
        """Return where the visitor came from: the image's page, or the list for several."""
        if len(self.digests) == 1:
            return path_of(visit, self.name, str(self.digests[0]))
        return address(f"{visit.home}/images", repository=self.name)


def or_list(handler: Handler) -> Handler:
    """Lead back to the list, which says why, where no image was chosen or a chosen one is not there any more."""

    @wraps(handler)
    async def answered(visit: Visit) -> Result:
        try:
            return await handler(visit)
        except NothingChosen:
            return _list(visit, "none")
        except ImageNotFound:
            return _list(visit, "gone")

    return answered


def problem(visit: Visit) -> Problem | None:
    """Return the reason why a list is shown instead of the page for what was chosen from it."""
    return _PROBLEMS.get(visit.query.one("chosen"))


def _list(visit: Visit, reason: str) -> Redirect:
    place = {name: visit.query.one(name) for name in _PLACE}
    return Redirect(address(f"{visit.home}/images", repository=asked_repository(visit), **place, chosen=reason))


def shown(visit: Visit, name: RepositoryName, detail: ImageDetail) -> ChosenRow:
    digest = str(detail.digest)
    return ChosenRow(
        path=path_of(visit, name, digest),
        digest=digest,
        short=words.short_digest(digest),
        kind=image_facts.kind(detail),
        tags=detail.tags[:_TAGS_SHOWN],
        more_tags=max(0, len(detail.tags) - _TAGS_SHOWN),
        pushed=words.time(detail.pushed_at),
        size=words.size(detail.size),
        status=image_facts.status(detail),
    )


def number(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def failed(
    visit: Visit, name: RepositoryName, headline: str, told: tuple[str, str], failures: Sequence[FailedImage]
) -> Page:
    """Return the page of images that a form did not change. `told` is what it did change, and a hint."""
    values = {
        "name": name,
        "headline": headline,
        "told": told[0],
        "hint": told[1],
        "failures": failures,
        "back": address(f"{visit.home}/images", repository=name),
    }
    return Page("images_failed.html", f"{headline} · {name}", SECTION, values, 409)
