"""The list of images: sorted, searched and filtered."""

import re
import urllib.error

import pytest

from tests.browser.pushing import push
from tests.console.browsing import read, signed_in
from tests.served import Served, new_account

REGION = "eu-west-1"
TAGS = ("v1.0", "v1.1", "v2.0", "nightly")


class Listed:
    """A repository with an image for each tag, in the order of their pushes; the second is archived."""

    def __init__(self, server: Served) -> None:
        account = new_account()
        self.base = f"{server.url}/console/{REGION}/images?repository=team/api"
        self.opener = signed_in(server.url, account)
        ecr = server.client("ecr", account, REGION)
        ecr.create_repository(repositoryName="team/api")
        self.digests = {tag: push(server, account, "team/api", tag, REGION) for tag in TAGS}
        image = {"imageDigest": self.digests["v1.1"]}
        ecr.update_image_storage_class(repositoryName="team/api", imageId=image, targetStorageClass="ARCHIVE")

    def page(self, query: str = "") -> str:
        return read(self.opener, f"{self.base}&{query}")

    def shown(self, query: str = "") -> list[str]:
        names = {digest: tag for tag, digest in self.digests.items()}
        return [names[digest] for digest in re.findall(r'title="(sha256:\w+)"', self.page(query))]


@pytest.fixture(scope="module")
def listed(server: Served) -> Listed:
    return Listed(server)


@pytest.mark.parametrize(
    ("query", "tags"),
    [
        ("", ["nightly", "v2.0", "v1.1", "v1.0"]),
        ("sort=oldest", ["v1.0", "v1.1", "v2.0", "nightly"]),
        ("sort=tag", ["nightly", "v1.0", "v1.1", "v2.0"]),
        ("sort=tag-backwards", ["v2.0", "v1.1", "v1.0", "nightly"]),
        ("search=v1", ["v1.0", "v1.1"]),
        ("search=v1&status=ACTIVE", ["v1.0"]),
        ("status=ARCHIVED", ["v1.1"]),
        ("tags=UNTAGGED", []),
        ("search=v9", []),
        ("sort=of-no-kind", ["nightly", "v2.0", "v1.1", "v1.0"]),
    ],
)
def test_a_list_has_the_images_and_the_order_that_were_asked_for(listed: Listed, query: str, tags: list[str]) -> None:
    assert listed.shown(query) == tags


def test_a_digest_is_found_by_its_beginning(listed: Listed) -> None:
    assert listed.shown(f"search={listed.digests['v2.0'][:20]}") == ["v2.0"]


def test_sizes_are_in_order(listed: Listed) -> None:
    assert listed.shown("sort=largest") == listed.shown("sort=smallest")[::-1]


def test_a_row_says_whether_the_image_is_archived_and_when_it_was_pulled(listed: Listed) -> None:
    page = listed.page("status=ARCHIVED")
    assert ">archived</span>" in page
    assert "last pull: never" in page


def test_a_search_that_can_find_nothing_says_why_and_is_kept(listed: Listed) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        listed.page("search=a%20b&sort=oldest")
    with refused.value as answer:
        page = answer.read().decode()
    assert answer.code == 400
    assert "must be a tag or the beginning of one" in page
    assert 'value="a b"' in page
    assert '<option value="oldest" selected>' in page


def test_a_token_of_another_list_is_refused(listed: Listed) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        listed.page("page=AAAA")


def test_what_a_page_searched_and_how_far_it_looked_is_said(listed: Listed) -> None:
    assert "A search looks at the beginnings of tags" in listed.page()


def test_an_order_that_leaves_images_out_does_not_say_that_there_are_none(server: Served) -> None:
    account = new_account()
    ecr = server.client("ecr", account, REGION)
    ecr.create_repository(repositoryName="team/api")
    push(server, account, "team/api", "v1", REGION)
    page = read(
        signed_in(server.url, account), f"{server.url}/console/{REGION}/images?repository=team/api&sort=archived"
    )
    assert "No images match" in page
    assert "Show all" in page


def test_no_images_match_is_not_no_images_yet(listed: Listed) -> None:
    page = listed.page("search=v9")
    assert "No images match" in page
    assert "No images yet" not in page
