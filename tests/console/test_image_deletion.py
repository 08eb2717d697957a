"""The pages that delete images and remove tags."""

import html
import re
import urllib.error
import urllib.parse
from collections.abc import Sequence

import pytest

from tests.browser.pushing import push, push_index
from tests.console.browsing import read, signed_in
from tests.served import Served
from tests.waiting import PATIENCE_SECONDS

REGION = "eu-west-1"


class Kept:
    """A repository with two images and an index of them."""

    def __init__(self, server: Served, account: str) -> None:
        self.home, self.opener = f"{server.url}/console/{REGION}", signed_in(server.url, account)
        self.server, self.account, self.ecr = server, account, server.client("ecr", account, REGION)
        self.ecr.create_repository(repositoryName="team/api")
        self.one, self.two = (push(server, account, "team/api", tag, REGION) for tag in ("one", "two"))
        self.index = push_index(server, account, "team/api", "all", "one", "two")

    def left(self) -> set[str]:
        asked = {"repositoryName": "team/api", "filter": {"imageStatus": "ANY"}}
        return {each["imageDigest"] for each in self.ecr.describe_images(**asked)["imageDetails"]}

    def asking(self, *digests: str, page: str = "delete") -> str:
        query = urllib.parse.urlencode([("repository", "team/api"), *(("digest", each) for each in digests)])
        return read(self.opener, f"{self.home}/images/{page}?{query}")

    def send(self, page: str, fields: Sequence[tuple[str, str]]) -> tuple[int, str]:
        """Send a form with the session's token; return the status and the page that it leads to."""
        (token, *_) = re.findall(r'name="csrf" value="(\w+)"', read(self.opener, f"{self.home}/repositories"))
        body = urllib.parse.urlencode([*fields, ("csrf", token)]).encode()
        try:
            with self.opener.open(f"{self.home}/{page}", body, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, html.unescape(answer.read().decode())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, html.unescape(refused.read().decode())

    def delete(self, *digests: str, typed: str = "team/api") -> tuple[int, str]:
        named = [("digest", each) for each in digests]
        return self.send("images/delete", [("repository", "team/api"), ("confirmation", typed), *named])

    def untag(self, digest: str, tag: str, seen: str, typed: str | None = None) -> tuple[int, str]:
        named = {"repository": "team/api", "digest": digest, "tag": tag, "seen": seen}
        return self.send("image/untag", [*named.items(), ("confirmation", typed or tag)])


@pytest.fixture
def kept(server: Served, account: str) -> Kept:
    return Kept(server, account)


def test_the_page_names_the_images_and_says_what_is_lost(kept: Kept) -> None:
    page = kept.asking(kept.one, kept.index)
    assert "<h1>Delete 2 images of team/api?</h1>" in page
    assert page.count('data-label="Digest"') == 2
    assert "with 2 tags" in page
    assert "Copies in other Regions and accounts stay" in page
    assert kept.left() == {kept.one, kept.two, kept.index}


def test_an_index_and_its_parts_are_deleted_together_whatever_their_order(kept: Kept) -> None:
    status, page = kept.delete(kept.one, kept.two, kept.index)
    assert (status, kept.left()) == (200, set())
    assert "3 images were deleted." in page


def test_an_image_in_an_index_stays_and_the_page_says_why(kept: Kept) -> None:
    other = push(kept.server, kept.account, "team/api", "other", REGION)
    status, page = kept.delete(kept.one, other)
    assert (status, kept.left()) == (409, {kept.one, kept.two, kept.index})
    assert "ImageReferencedByManifestList" in page
    assert kept.index in page
    assert "1 image deleted." in page


def test_nothing_is_deleted_unless_the_name_is_typed(kept: Kept) -> None:
    status, page = kept.delete(kept.index, typed="team")
    assert (status, len(kept.left())) == (400, 3)
    assert "type 'team/api' to confirm" in page
    assert f'value="{kept.index}"' in page


def test_too_many_images_are_refused(kept: Kept) -> None:
    status, page = kept.delete(*[f"sha256:{number:064x}" for number in range(101)])
    assert (status, len(kept.left())) == (400, 3)
    assert "choose at most 100 images" in page


@pytest.mark.parametrize("form", ["delete", "archive", "restore"])
def test_who_chooses_no_image_stays_on_the_same_part_of_the_list_and_is_told_to_choose(kept: Kept, form: str) -> None:
    searched = read(kept.opener, f"{kept.home}/images?repository=team/api&search=t&sort=tag-backwards")
    (chosen,) = re.findall(r'<form id="chosen".*?</form>', searched, re.DOTALL)
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', chosen)
    page = read(kept.opener, f"{kept.home}/images/{form}?{urllib.parse.urlencode(fields)}")
    assert "Choose at least one image of the list." in page
    assert re.findall(r'aria-label="Choose (\w+)"', page) == ["two"]
    assert '<option value="tag-backwards" selected>' in page
    status, page = kept.send(f"images/{form}", [("repository", "team/api"), ("confirmation", "team/api")])
    assert (status, len(kept.left())) == (200, 3)
    assert "Choose at least one image of the list." in page


@pytest.mark.parametrize("form", ["delete", "archive", "restore"])
def test_who_chose_an_image_that_is_gone_stays_on_the_list_and_is_told_so(kept: Kept, form: str) -> None:
    gone = f"sha256:{0:064x}"
    page = kept.asking(kept.index, gone, page=form)
    assert "An image that was chosen is not here any more." in page
    assert f'name="digest" value="{kept.index}"' in page
    named = [("digest", kept.index), ("digest", gone)]
    status, page = kept.send(f"images/{form}", [("repository", "team/api"), ("confirmation", "team/api"), *named])
    assert (status, len(kept.left())) == (200, 3)
    assert "An image that was chosen is not here any more." in page


def test_a_hundred_images_fit_one_form(kept: Kept) -> None:
    [two] = kept.ecr.batch_get_image(repositoryName="team/api", imageIds=[{"imageTag": "two"}])["images"]
    digests = [
        kept.ecr.put_image(
            repositoryName="team/api", imageManifest=two["imageManifest"].replace("{", "{" + " " * number, 1)
        )["image"]["imageId"]["imageDigest"]
        for number in range(1, 101)
    ]
    assert len(kept.asking(*digests)) < 150_000
    status, page = kept.delete(*digests)
    assert (status, kept.left()) == (200, {kept.one, kept.two, kept.index})
    assert "100 images were deleted." in page


def test_one_tag_of_several_is_removed_alone(kept: Kept) -> None:
    [index] = kept.ecr.batch_get_image(repositoryName="team/api", imageIds=[{"imageTag": "all"}])["images"]
    kept.ecr.put_image(repositoryName="team/api", imageManifest=index["imageManifest"], imageTag="again")
    status, page = kept.untag(kept.index, "all", "one of several")
    assert status == 200
    assert "The tag is removed." in page
    assert kept.index in kept.left()


def test_the_last_tag_takes_the_image_with_it_and_the_page_says_so(kept: Kept) -> None:
    query = urllib.parse.urlencode({"repository": "team/api", "digest": kept.index, "tag": "all"})
    assert "the image is deleted with it" in read(kept.opener, f"{kept.home}/image/untag?{query}")
    status, page = kept.untag(kept.index, "all", "last")
    assert (status, kept.index in kept.left()) == (200, False)
    assert "1 image was deleted." in page


def test_an_image_is_not_deleted_by_a_page_that_said_it_stays(kept: Kept) -> None:
    status, page = kept.untag(kept.index, "all", "one of several")
    assert (status, kept.index in kept.left()) == (409, True)
    assert "this was changed after the page was shown" in page


def test_a_tag_that_names_another_image_by_now_is_left_alone(kept: Kept) -> None:
    assert kept.untag(kept.two, "one", "last")[0] == 404
    assert len(kept.left()) == 3
