"""The pages that archive images and restore them."""

import pytest

from tests.console.test_image_deletion import Kept
from tests.served import Served
from tests.waiting import until


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
        status, shown = stored.send(f"images/{page}", [("repository", "team/api")])
        assert (status, "choose at least one image" in shown) == (400, True)
        assert says in stored.asking(stored.one, page=page)
        assert "pulled" in stored.asking(stored.one, page=page)
