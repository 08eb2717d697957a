"""Long lists: a page shows a part, and costs the same however much there is."""

import html
import re

import pytest

from tests.browser.pushing import push
from tests.console.browsing import Opener, read, signed_in
from tests.served import Served

REGION = "eu-west-1"


@pytest.fixture
def opener(server: Served, account: str) -> Opener:
    return signed_in(server.url, account)


def next_page(page: str) -> str:
    (path,) = re.findall(r'href="([^"]+)">Next page', page)
    return html.unescape(str(path))


def test_every_image_is_on_one_page_and_on_one_alone_the_newest_first(
    opener: Opener, server: Served, account: str
) -> None:
    server.client("ecr", account, REGION).create_repository(repositoryName="team/api")
    pushed = [push(server, account, "team/api", f"tag-{number}", REGION) for number in range(25)][::-1]
    first = read(opener, f"{server.url}/console/{REGION}/images?repository=team/api")
    second = read(opener, server.url + next_page(first))
    assert [digests(first), digests(second)] == [pushed[:20], pushed[20:]]
    assert "Next page" not in second
    assert "First page" in second


def test_every_repository_is_on_one_page_and_on_one_alone(opener: Opener, server: Served, account: str) -> None:
    ecr = server.client("ecr", account, REGION)
    names = [f"team/repository-{number:02}" for number in range(60)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    first = read(opener, f"{server.url}/console/{REGION}/repositories")
    second = read(opener, server.url + next_page(first))
    found = re.findall(r">(team/repository-\d\d)</a>", first + second)
    assert found == names


def test_a_search_lists_the_repositories_whose_names_begin_with_it(
    opener: Opener, server: Served, account: str
) -> None:
    ecr = server.client("ecr", account, REGION)
    for name in [f"team/repository-{number:02}" for number in range(55)] + ["other/repository"]:
        ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": name.startswith("o")})
    page = f"{server.url}/console/{REGION}/repositories"
    first = read(opener, f"{page}?search=team/")
    second = read(opener, server.url + next_page(first))
    assert len(re.findall(r">(team/repository-\d\d)</a>", first + second)) == 55
    assert "other/repository" not in first + second
    assert "with a name that begins with <code>x&#39;</code>" in read(opener, f"{page}?search=x%27")
    assert '<td data-label="Scan on push">On</td>' in read(opener, f"{page}?search=other")


def digests(page: str) -> list[str]:
    return re.findall(r'title="(sha256:\w+)"', page)
