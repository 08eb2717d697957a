"""The pages that move images to the archive, and that restore them."""

from collections.abc import Sequence
from dataclasses import dataclass

from twinport.console import commands, image_selection, words
from twinport.console.image_page import SECTION, path_of
from twinport.console.image_selection import FailedImage, Selection
from twinport.console.pages import address, refused
from twinport.console.routes import Route
from twinport.console.visits import Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.model.images import ImageDetail, ImageId, ImageStatus
from twinport.model.lifecycle_policies import StorageClass
from twinport.refusals.images import ImageNotFound, StorageClassUpdateNotSupported
from twinport.registry.images import Images
from twinport.registry.storage_classes import StorageClasses

_CODES: dict[type[Refusal], str] = {
    ImageNotFound: "ImageNotFoundException",
    StorageClassUpdateNotSupported: "ImageStorageClassUpdateNotSupportedException",
}


@dataclass(frozen=True, slots=True)
class Move:
    """A move in one direction, in the words of its pages."""

    target: StorageClass
    path: str
    verb: str
    done: str


_ARCHIVE = Move(StorageClass.ARCHIVE, "archive", "Archive", "archived")
_RESTORE = Move(StorageClass.STANDARD, "restore", "Restore", "restoring")


@dataclass(frozen=True, slots=True)
class ArchivePages:
    images: Images
    storage_classes: StorageClasses

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/console/{region}/images/archive", image_selection.or_list(self.ask_to_archive)),
            Route("POST", "/console/{region}/images/archive", image_selection.or_list(self.archive)),
            Route("GET", "/console/{region}/images/restore", image_selection.or_list(self.ask_to_restore)),
            Route("POST", "/console/{region}/images/restore", image_selection.or_list(self.restore)),
        )

    async def ask_to_archive(self, visit: Visit) -> Page:
        return await self._asking(visit, Selection.read(visit.query), _ARCHIVE)

    async def archive(self, visit: Visit) -> Result:
        return await self._move(visit, _ARCHIVE)

    async def ask_to_restore(self, visit: Visit) -> Page:
        return await self._asking(visit, Selection.read(visit.query), _RESTORE)

    async def restore(self, visit: Visit) -> Result:
        return await self._move(visit, _RESTORE)

    async def _asking(self, visit: Visit, chosen: Selection, move: Move) -> Page:
        details = await chosen.described(self.images, visit)
        command = commands.ecr(visit).line(
            "ecr update-image-storage-class",
            repository_name=chosen.name,
            image_id=f"imageDigest={details[0].digest}",
            target_storage_class=move.target.value,
        )
        values = {
            "name": chosen.name,
            "move": move,
            "rows": [image_selection.shown(visit, chosen.name, each) for each in details],
            "number": image_selection.number(len(details)),
            "back": chosen.back(visit),
            "command": command,
            "problem": None,
        }
        return Page("images_archive.html", f"{move.verb} images of {chosen.name}", SECTION, values)

    async def _move(self, visit: Visit, move: Move) -> Result:
        """Move the images of the form one after the other, indexes first, and say which ones stay and why."""
        chosen = Selection.read(visit.form)
        details = await chosen.described(self.images, visit)
        moved: list[ImageStatus] = []
        failures: list[FailedImage] = []
        for detail in details:
            try:
                moved.append(await self._update(visit, chosen, detail, move))
            except Refusal as refusal:
                is_of_one_image = type(refusal) in _CODES
                if not (is_of_one_image or moved or failures):
                    return refused(await self._asking(visit, chosen, move), refusal)
                failures.append(_failure(visit, chosen, detail, refusal))
                if not is_of_one_image:
                    break
        stays = failures + [_untried(visit, chosen, each) for each in details[len(moved) + len(failures) :]]
        return _ended(visit, chosen, move, moved, stays)

    async def _update(self, visit: Visit, chosen: Selection, detail: ImageDetail, move: Move) -> ImageStatus:
        image = ImageId(detail.digest, None)
        return (
            await self.storage_classes.update(visit.caller, visit.registry.repository(chosen.name), image, move.target)
        )[1]


def _ended(
    visit: Visit, chosen: Selection, move: Move, moved: Sequence[ImageStatus], stays: Sequence[FailedImage]
) -> Result:
    """Lead to the image or to the list; or show what stays."""
    if stays:
        word = "archived" if move is _ARCHIVE else "restored"
        told = f"{image_selection.number(len(moved))} {word}."
        hint = "An image in an index is archived after the index, or together with it."
        return image_selection.failed(visit, chosen.name, f"Not every image was {word}", (told, hint), stays)
    if len(moved) == 1:
        done = {ImageStatus.ACTIVATING: "restoring", ImageStatus.ARCHIVED: "archived"}.get(moved[0], "active")
        digest = str(chosen.digests[0])
        return Redirect(address(f"{visit.home}/image", repository=chosen.name, digest=digest, done=done))
    count = str(sum(status is not ImageStatus.ACTIVE for status in moved))
    return Redirect(address(f"{visit.home}/images", repository=chosen.name, done=move.done, count=count))


def _untried(visit: Visit, chosen: Selection, detail: ImageDetail) -> FailedImage:
    digest = str(detail.digest)
    return FailedImage(path_of(visit, chosen.name, digest), words.short_digest(digest), "", "Not tried.")


def _failure(visit: Visit, chosen: Selection, detail: ImageDetail, refusal: Refusal) -> FailedImage:
    digest = str(detail.digest)
    path = path_of(visit, chosen.name, digest)
    return FailedImage(path, words.short_digest(digest), _CODES.get(type(refusal), "ServerException"), refusal.message)
