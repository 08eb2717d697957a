"""The pages that archive images and restore them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.console.test_image_deletion import Kept
from tests.fakes import NOW, REGION, caller
from tests.served import Served
from tests.waiting import until
from twinport.console.image_archive import ArchivePages
from twinport.console.visits import Fields, Page, Visit
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageDetail, ImageId, ImageStatus, NamedImage
from twinport.model.lifecycle_policies import StorageClass
from twinport.model.manifests import OCI_MANIFEST
from twinport.model.names import RepositoryId
from twinport.refusals.requests import ServerBusy


class Stored(Kept):
    def move(self, page: str, *digests: str) -> tuple[int, str]:
        return self.send(f"images/{page}", [("repository", "team/api"), *(("digest", each) for each in digests)])

    def status(self, digest: str) -> str:
        [image] = self.ecr.describe_images(repositoryName="team/api", imageIds=[{"imageDigest": digest}])[
            "imageDetails"
        ]
        return str(image["imageStatus"])


@pytest.fixture
def stored(server: Served, account: str) -> Stored:
    return Stored(server, account)


def test_an_image_goes_to_the_archive_and_comes_back(stored: Stored) -> None:
    status, page = stored.move("archive", stored.index)
    assert (status, stored.status(stored.index)) == (200, "ARCHIVED")
    assert "The image is in the archive." in page
    assert ">Restore</a>" in page
    status, page = stored.move("restore", stored.index)
    assert status == 200
    until(lambda: stored.status(stored.index) == "ACTIVE")


@pytest.mark.parametrize(
    ("page", "says"), [("archive", "follow their subject into the archive"), ("restore", "are restored after it")]
)
def test_the_page_before_a_move_says_what_becomes_of_referrers(stored: Stored, page: str, says: str) -> None:
    asked = stored.asking(stored.index, page=page)
    assert "eferrers, such as signatures" in asked
    assert says in asked


def test_an_index_and_its_parts_are_archived_together_whatever_their_order(stored: Stored) -> None:
    digests = (stored.one, stored.two, stored.index)
    status, page = stored.move("archive", *digests)
    assert status == 200
    assert [stored.status(each) for each in digests] == ["ARCHIVED"] * 3
    assert "3 images were moved to the archive." in page


def test_an_image_in_an_active_index_stays_and_the_page_says_why(stored: Stored) -> None:
    status, page = stored.move("archive", stored.one)
    assert (status, stored.status(stored.one)) == (409, "ACTIVE")
    assert "ImageStorageClassUpdateNotSupportedException" in page
    assert "it is referenced by a manifest list: archive that first" in page
    assert "0 images archived." in page


def test_restoring_several_says_how_many_were_archived(stored: Stored) -> None:
    stored.move("archive", stored.index, stored.one)
    status, page = stored.move("restore", stored.index, stored.one, stored.two)
    assert status == 200
    assert "2 images were taken out of the archive." in page
    until(lambda: stored.status(stored.one) == "ACTIVE")


def test_the_pages_say_what_it_means_for_pulls_and_replication(stored: Stored) -> None:
    for page, says in (("archive", "Archiving is not replicated"), ("restore", "A restore is replicated like a push")):
        assert says in stored.asking(stored.one, page=page)
        assert "pulled" in stored.asking(stored.one, page=page)


@dataclass
class FailingStorage:
    """Archives so many images; then the database is away."""

    left: int

    async def update(
        self, caller: Caller, repository: RepositoryId, image: ImageId, target: StorageClass
    ) -> tuple[Digest | None, ImageStatus]:
        del caller, repository, target
        if self.left == 0:
            raise ServerBusy("writes")
        self.left -= 1
        return image.digest, ImageStatus.ARCHIVED


class SomeImages:
    async def describe(
        self, caller: Caller, repository: RepositoryId, batch: Sequence[NamedImage]
    ) -> Sequence[ImageDetail]:
        del caller, repository
        return [ImageDetail(Digest.parse(str(each.digest)), (), 1, NOW, OCI_MANIFEST, None, None) for each in batch]


@pytest.mark.parametrize(("moved", "says"), [(0, ""), (1, "1 image archived."), (2, "2 images archived.")])
async def test_an_outage_between_two_images_says_what_was_done_and_what_was_not(moved: int, says: str) -> None:
    pages = ArchivePages(SomeImages(), FailingStorage(moved))  # type: ignore[arg-type]  # fakes of the two verbs
    digests = [("digest", str(Digest.of(bytes([number])))) for number in range(3)]
    form = Fields((("repository", "team/api"), *digests))
    visit = Visit("r-1", "/", REGION, {}, Fields(), form, caller(), "token", "http://localhost")
    page = await pages.archive(visit)
    assert isinstance(page, Page)
    if moved == 0:
        assert (page.template, page.status) == ("images_archive.html", 503)
    else:
        assert (page.template, page.values["told"]) == ("images_failed.html", says)
        failures = page.values["failures"]
        assert isinstance(failures, list)
        assert len(failures) == 3 - moved
