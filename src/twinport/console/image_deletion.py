"""The pages that delete images, and that remove one tag of an image."""

import json
from dataclasses import dataclass

from twinport.console import commands, image_selection, words
from twinport.console.image_page import SECTION, described, path_of
from twinport.console.image_selection import FailedImage, Selection
from twinport.console.pages import address, refused, require_confirmation
from twinport.console.routes import Route
from twinport.console.visits import Fields, Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.model.content import Digest
from twinport.model.images import ImageDetail, NamedImage
from twinport.model.names import RepositoryName, TagName, repository_name, tag_name
from twinport.refusals.identities import ChangedMeanwhile
from twinport.refusals.images import ImageNotFound
from twinport.registry.images import Images, Removed
from twinport.registry.named_images import ImageFailure


@dataclass(frozen=True, slots=True)
class NamedTag:
    """A tag of an image, as an address or a form names it."""

    name: RepositoryName
    digest: Digest
    tag: TagName

    @classmethod
    def read(cls, fields: Fields) -> "NamedTag":
        digest, tag = Digest.parse(fields.one("digest")), tag_name(fields.one("tag"))
        return cls(repository_name(fields.one("repository")), digest, tag)


@dataclass(frozen=True, slots=True)
class ImageDeletionPages:
    images: Images

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/console/{region}/images/delete", image_selection.or_list(self.ask)),
            Route("POST", "/console/{region}/images/delete", image_selection.or_list(self.delete)),
            Route("GET", "/console/{region}/image/untag", self.ask_to_untag),
            Route("POST", "/console/{region}/image/untag", self.untag),
        )

    # --- images -------------------------------------------------------------------------------------------

    async def ask(self, visit: Visit) -> Page:
        return await self._asking(visit, Selection.read(visit.query))

    async def delete(self, visit: Visit) -> Result:
        """Delete the images of the form, indexes first, and say which ones stay and why."""
        chosen = Selection.read(visit.form)
        page = await self._asking(visit, chosen)
        try:
            require_confirmation(visit, chosen.name)
            details = await chosen.described(self.images, visit)
            batch = [NamedImage(str(detail.digest)) for detail in details]
            removed = await self.images.delete(visit.caller, visit.registry.repository(chosen.name), batch)
        except Refusal as refusal:
            return refused(page, refusal)
        if removed.failures:
            return _failed(visit, chosen.name, len(batch), removed)
        path = address(f"{visit.home}/images", repository=chosen.name, done="deleted", count=str(len(batch)))
        return Redirect(path)

    async def _asking(self, visit: Visit, chosen: Selection) -> Page:
        details = await chosen.described(self.images, visit)
        ids = json.dumps([{"imageDigest": str(detail.digest)} for detail in details])
        values = {
            "name": chosen.name,
            "rows": [image_selection.shown(visit, chosen.name, each) for each in details],
            "number": image_selection.number(len(details)),
            "tags": sum(len(detail.tags) for detail in details),
            "back": chosen.back(visit),
            "command": commands.ecr(visit).line("ecr batch-delete-image", repository_name=chosen.name, image_ids=ids),
            "problem": None,
        }
        return Page("images_delete.html", f"Delete images of {chosen.name}", SECTION, values)

    # --- one tag ------------------------------------------------------------------------------------------

    async def ask_to_untag(self, visit: Visit) -> Page:
        named = NamedTag.read(visit.query)
        return _untagging(visit, named, await self._tagged(visit, named))

    async def untag(self, visit: Visit) -> Result:
        named = NamedTag.read(visit.form)
        detail = await self._tagged(visit, named)
        page = _untagging(visit, named, detail)
        try:
            require_confirmation(visit, named.tag)
            if visit.form.one("seen") != _seen(detail):
                raise ChangedMeanwhile
            image = NamedImage(str(named.digest), named.tag)
            removed = await self.images.delete(visit.caller, visit.registry.repository(named.name), [image])
        except Refusal as refusal:
            return refused(page, refusal)
        if removed.failures:
            return _failed(visit, named.name, 1, removed)
        if len(detail.tags) == 1:
            return Redirect(address(f"{visit.home}/images", repository=named.name, done="deleted", count="1"))
        digest = str(named.digest)
        return Redirect(address(f"{visit.home}/image", repository=named.name, digest=digest, done="untagged"))

    async def _tagged(self, visit: Visit, named: NamedTag) -> ImageDetail:
        """Return the image that has the tag. Raises ImageNotFound if the tag names another image, or none."""
        detail = await described(self.images, visit, named.name, str(named.digest))
        if named.tag not in detail.tags:
            raise ImageNotFound(str(named.digest), named.tag, named.name, visit.registry.account)
        return detail


def _untagging(visit: Visit, named: NamedTag, detail: ImageDetail) -> Page:
    digest = str(named.digest)
    image_id = f"imageDigest={digest},imageTag={named.tag}"
    values = {
        "name": named.name,
        "digest": digest,
        "tag": named.tag,
        "is_last": len(detail.tags) == 1,
        "seen": _seen(detail),
        "back": path_of(visit, named.name, digest),
        "command": commands.ecr(visit).line("ecr batch-delete-image", repository_name=named.name, image_ids=image_id),
        "problem": None,
    }
    return Page("image_untag.html", f"Remove tag {named.tag} of {named.name}", SECTION, values)


def _seen(detail: ImageDetail) -> str:
    """Return what decides whether the image goes with the tag."""
    return "last" if len(detail.tags) == 1 else "one of several"


def _failed(visit: Visit, name: RepositoryName, asked: int, removed: Removed) -> Page:
    failures = [_failure(visit, name, each) for each in removed.failures]
    told = f"{image_selection.number(asked - len(failures))} deleted."
    hint = "An image that an index contains goes after the index, or together with it: choose both."
    return image_selection.failed(visit, name, "Not every image was deleted", (told, hint), failures)


def _failure(visit: Visit, name: RepositoryName, each: ImageFailure) -> FailedImage:
    digest = each.named.digest or ""
    return FailedImage(path_of(visit, name, digest), words.short_digest(digest), each.code.value, each.reason)
