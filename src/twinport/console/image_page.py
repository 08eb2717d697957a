"""The page of one image: its facts, tags, copies, parts and referrers, and how it is pulled."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from twinport.console import commands, image_facts, words
from twinport.console.image_facts import Status
from twinport.console.pages import address
from twinport.console.routes import Route
from twinport.console.visits import Fragment, Page, Visit
from twinport.errors import AccessDenied, Refusal
from twinport.model.addresses import repository_uri
from twinport.model.images import ImageDetail, ImageId, ImageStatus, NamedImage, Referrer
from twinport.model.manifests import INDEX_TYPES
from twinport.model.names import RepositoryName, repository_name
from twinport.processes.hashing import run_over
from twinport.registry.images import Images
from twinport.registry.paging import PageRequest
from twinport.registry.referrers import Referrers, WantedReferrers
from twinport.registry.replication import Replication

SECTION = "repositories"
_TAGS_PER_PAGE = 50
_REFERRERS_PER_PAGE = 20
_MOST_PARTS = 100
# Texts of a manifest that may be of any length.
_LONGEST_TEXT = 100
_DONE = {
    "scanning": "A scan was requested.",
    "untagged": "The tag is removed.",
    "archived": "The image is in the archive.",
    "restoring": "The image is being restored.",
    "active": "The image is active.",
}


@dataclass(frozen=True, slots=True)
class Part:
    """An image that an index contains. `path` leads to its page."""

    path: str
    short: str
    digest: str
    platform: str
    size: str
    media_type: str


@dataclass(frozen=True, slots=True)
class ReferrerRow:
    path: str
    short: str
    digest: str
    type: str
    size: str
    status: Status


async def described(images: Images, visit: Visit, name: RepositoryName, digest: str) -> ImageDetail:
    """Return the image that an address names. Raises ImageNotFound, and InvalidParameter for another text."""
    (detail,) = await images.describe(visit.caller, visit.registry.repository(name), [NamedImage(digest)])
    return detail


def path_of(visit: Visit, name: str, digest: str, behind: str = "") -> str:
    return address(f"{visit.home}/image{behind}", repository=name, digest=digest)


def frame(visit: Visit, name: RepositoryName, detail: ImageDetail) -> dict[str, object]:
    """Return what every page of one image shows."""
    return {
        "name": name,
        "digest": str(detail.digest),
        "kind": image_facts.kind(detail),
        "can_archive": detail.status is ImageStatus.ACTIVE,
        "can_restore": detail.status is ImageStatus.ARCHIVED,
        "done": _DONE.get(visit.query.one("done"), ""),
        "problem": None,
    }


@dataclass(frozen=True, slots=True)
class OneImagePages:
    images: Images
    referrers: Referrers
    replication: Replication
    public_url: str | None

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/console/{region}/image", self.show),
            Route("GET", "/console/{region}/image/fresh", self.fresh),
        )

    async def show(self, visit: Visit) -> Page:
        name = repository_name(visit.query.one("repository"))
        detail = await described(self.images, visit, name, visit.query.one("digest"))
        values = {
            **frame(visit, name, detail),
            **(await self._state(visit, name, detail)),
            **_facts(detail),
            **_tags(visit, name, detail),
            **(await self._parts(visit, name, detail)),
            **(await self._referrers(visit, name, detail)),
            "pulls": self._pulls(visit, name, detail),
            "command": commands.ecr(visit).line(
                "ecr describe-images", repository_name=name, image_ids=f"imageDigest={detail.digest}"
            ),
        }
        return Page("image.html", f"{words.short_digest(str(detail.digest))} · {name}", SECTION, values)

    async def fresh(self, visit: Visit) -> Fragment:
        name = repository_name(visit.query.one("repository"))
        detail = await described(self.images, visit, name, visit.query.one("digest"))
        return Fragment("image_state.html", await self._state(visit, name, detail))

    async def _state(self, visit: Visit, name: RepositoryName, detail: ImageDetail) -> dict[str, object]:
        """Return what may change by itself: the status, and the states of the copies."""
        copies, denied = await image_facts.copies(self.replication, visit, name, detail)
        status = image_facts.status(detail)
        digest = str(detail.digest)
        return {
            "status": status,
            "copies": copies,
            "denied": denied,
            "came_from": detail.came_from,
            "in_motion": image_facts.in_motion(sum(not each.is_settled for each in copies), int(not status.is_settled)),
            "here": path_of(visit, name, digest),
            "live": path_of(visit, name, digest, "/fresh"),
        }

    def _pulls(self, visit: Visit, name: RepositoryName, detail: ImageDetail) -> str:
        uri = repository_uri(visit.registry.repository(name), visit.endpoint.partition("://")[2], self.public_url)
        by_tag = [f"docker pull {uri}:{detail.tags[0]}"] if detail.tags else []
        return "\n".join([*by_tag, f"docker pull {uri}@{detail.digest}"])

    async def _parts(self, visit: Visit, name: RepositoryName, detail: ImageDetail) -> dict[str, object]:
        """Return the parts of an index, as its manifest has them, or the reason why they are not shown."""
        if detail.media_type not in INDEX_TYPES:
            return {"parts_of": None, "more_parts": 0, "no_parts": ""}
        try:
            stored = await self.images.look(visit.caller, visit.registry.repository(name), ImageId(detail.digest, None))
        except Refusal as refusal:
            return {"parts_of": (), "more_parts": 0, "no_parts": refusal.message}
        entries, count = await run_over([stored.content], partial(_entries, stored.content))
        parts = [_part(visit, name, each) for each in entries]
        return {"parts_of": parts, "more_parts": count - len(parts), "no_parts": ""}

    async def _referrers(self, visit: Visit, name: RepositoryName, detail: ImageDetail) -> dict[str, object]:
        token, digest = visit.query.one("referrers"), str(detail.digest)
        wanted = WantedReferrers(detail.digest, status=None)
        try:
            page = await self.referrers.page(
                visit.caller, visit.registry.repository(name), wanted, PageRequest(_REFERRERS_PER_PAGE, token or None)
            )
        except AccessDenied as refusal:
            return {"referrers": (), "no_referrers": refusal.message, "next": None, "is_first": True}
        following = address(f"{visit.home}/image", repository=name, digest=digest, referrers=page.token or "")
        return {
            "referrers": [_referrer(visit, name, each) for each in page.items],
            "no_referrers": "",
            "next": page.token and f"{following}#referrers",
            "is_first": not token,
        }


def _facts(detail: ImageDetail) -> dict[str, object]:
    return {
        "media_type": detail.media_type,
        "artifact_type": detail.artifact_type or "",
        "subject": str(detail.subject) if detail.subject else "",
        "size": words.size(detail.size),
        "pushed": words.time(detail.pushed_at),
        "pulled": words.time(detail.pulled_at),
        "archived": words.time(detail.archived_at),
        "activated": words.time(detail.activated_at),
    }


def _tags(visit: Visit, name: RepositoryName, detail: ImageDetail) -> dict[str, object]:
    """Return a page of the tags, of which an image has at most a thousand."""
    asked = visit.query.one("tags")
    first = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < len("10000") else 0
    shown = detail.tags[first : first + _TAGS_PER_PAGE]
    behind = first + len(shown)
    here = {"repository": name, "digest": str(detail.digest)}
    more = address(f"{visit.home}/image", **here, tags=str(behind)) if behind < len(detail.tags) else ""
    return {
        "tags": [(tag, address(f"{visit.home}/image/untag", **here, tag=tag)) for tag in shown],
        "count_of_tags": len(detail.tags),
        "first_tag": first + 1,
        "more_tags": more,
    }


def _entries(content: bytes) -> tuple[list[Mapping[str, Any]], int]:
    """Return the first parts that an index lists, and their number. It was checked when it was pushed."""
    entries = json.loads(content)["manifests"]
    return entries[:_MOST_PARTS], len(entries)


def _part(visit: Visit, name: RepositoryName, entry: Mapping[str, Any]) -> Part:
    digest = str(entry["digest"])
    return Part(
        path=path_of(visit, name, digest),
        short=words.short_digest(digest),
        digest=digest,
        platform=_platform(entry.get("platform")),
        size=words.size(int(entry["size"])),
        media_type=str(entry.get("artifactType") or entry.get("mediaType", ""))[:_LONGEST_TEXT],
    )


def _platform(given: object) -> str:
    """Return a platform as docker writes it: linux/arm64/v8. Nothing checks it at a push."""
    if not isinstance(given, dict):
        return ""
    parts = [str(given[key]) for key in ("os", "architecture", "variant") if given.get(key)]
    return "/".join(parts)[:_LONGEST_TEXT]


def _referrer(visit: Visit, name: RepositoryName, each: Referrer) -> ReferrerRow:
    digest = str(each.digest)
    return ReferrerRow(
        path=path_of(visit, name, digest),
        short=words.short_digest(digest),
        digest=digest,
        type=(each.artifact_type or each.media_type)[:_LONGEST_TEXT],
        size=words.size(each.size),
        status=image_facts.status_of(each.status),
    )
