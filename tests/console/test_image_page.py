"""The page of one image."""

import html
import re
import urllib.error

import pytest

from tests.browser.pushing import push, push_index, push_referrer
from tests.console.browsing import read, signed_in
from tests.served import Served, new_account

REGION = "eu-west-1"
MANY = 60


class Pictured:
    """A repository with two images, an index of them, an attestation of the first, and many tags of the second."""

    def __init__(self, server: Served) -> None:
        self.account = new_account()
        self.server, self.opener = server, signed_in(server.url, self.account)
        self.ecr = server.client("ecr", self.account, REGION)
        self.ecr.create_repository(repositoryName="team/api")
        self.one, self.two = (push(server, self.account, "team/api", tag, REGION) for tag in ("one", "two"))
        self.index = push_index(server, self.account, "team/api", "all", "one", "two")
        self.attestation = push_referrer(server, self.account, "team/api", "one")
        [two] = self.ecr.batch_get_image(repositoryName="team/api", imageIds=[{"imageTag": "two"}])["images"]
        for number in range(MANY):
            self.ecr.put_image(
                repositoryName="team/api", imageManifest=two["imageManifest"], imageTag=f"two-{number:02}"
            )

    def page(self, digest: str, query: str = "") -> str:
        address = f"{self.server.url}/console/{REGION}/image?repository=team/api&digest={digest}&{query}"
        return html.unescape(read(self.opener, address))


@pytest.fixture(scope="module")
def pictured(server: Served) -> Pictured:
    return Pictured(server)


def test_the_page_says_how_the_image_is_pulled_by_tag_and_by_digest(pictured: Pictured) -> None:
    page, host = pictured.page(pictured.one), pictured.server.url.partition("://")[2]
    uri = f"{host}/{pictured.account}/{REGION}/team/api"
    assert f"docker pull {uri}:one\ndocker pull {uri}@{pictured.one}\n" in f"{page.replace('</code>', chr(10))}"


def test_the_list_leads_to_the_page_of_each_image(pictured: Pictured) -> None:
    listed = read(pictured.opener, f"{pictured.server.url}/console/{REGION}/images?repository=team/api")
    path = re.findall(r'href="(/console/[^"]*/image\?[^"]+)"', listed)[0]
    assert pictured.attestation in read(pictured.opener, pictured.server.url + html.unescape(path))


def test_an_index_leads_to_its_parts(pictured: Pictured) -> None:
    page = pictured.page(pictured.index)
    for part, platform in ((pictured.one, "linux/one"), (pictured.two, "linux/two")):
        assert f'title="{part}"' in page
        assert platform in page


def test_an_image_leads_to_what_refers_to_it_and_back(pictured: Pictured) -> None:
    assert f'title="{pictured.attestation}"' in pictured.page(pictured.one)
    back = pictured.page(pictured.attestation)
    assert re.search(rf"<dt>Subject</dt><dd><a [^>]+><code>{pictured.one}", back)
    assert "application/vnd.example+json" in back


def test_an_image_that_nothing_refers_to_says_so(pictured: Pictured) -> None:
    assert "No signature, attestation or other artifact refers to this image." in pictured.page(pictured.two)


def test_many_tags_are_shown_in_part_and_each_once(pictured: Pictured) -> None:
    first = pictured.page(pictured.two)
    (more,) = re.findall(r'href="([^"]+)">More tags', first)
    second = read(pictured.opener, pictured.server.url + more)
    assert tags(first) + tags(second) == sorted(["two", *(f"two-{number:02}" for number in range(MANY))])
    assert "More tags" not in second


def test_an_archived_image_says_that_it_cannot_be_pulled(pictured: Pictured) -> None:
    image, asked = {"imageDigest": pictured.attestation}, {"repositoryName": "team/api"}
    pictured.ecr.update_image_storage_class(**asked, imageId=image, targetStorageClass="ARCHIVE")
    page = pictured.page(pictured.attestation)
    assert ">archived</span>" in page
    assert "is not pulled until it is restored" in page
    assert "docker pull" not in page


def test_a_digest_that_names_no_image_is_not_found(pictured: Pictured) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        pictured.page(f"sha256:{'0' * 64}")


@pytest.mark.parametrize("query", ["tags=-1", "tags=x", "tags=99999999999", "tags=500"])
def test_tags_from_elsewhere_are_no_defect(pictured: Pictured, query: str) -> None:
    assert "Referrers" in pictured.page(pictured.two, query)


def tags(page: str) -> list[str]:
    return re.findall(r'<li><span class="tag">([^<]+)</span>', page)
