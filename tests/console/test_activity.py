"""The page "Replication activity": which copies wait or failed, and why."""

import re
from typing import Any

import pytest

from tests.console.browsing import Opener, read, signed_in
from tests.console.test_lists import next_page
from tests.ecr.test_boto3 import push
from tests.served import Served, new_account
from tests.waiting import until

REGION, AWAY = "eu-west-1", "us-east-1"
ACTIVITY = f"/console/{REGION}/replication/activity"
CODE = "DESTINATION_REGISTRY_ACCESS_DENIED"
TAGS = [f"tag-{number:02}" for number in range(21)]


@pytest.fixture
def opener(server: Served, account: str) -> Opener:
    """A browser of an account, whose 21 copies failed: the destination does not admit it."""
    opener, ecr = signed_in(server.url, account), server.client("ecr", account, REGION)
    _replicate(ecr, new_account())
    ecr.create_repository(repositoryName="team/api")
    push(ecr, *TAGS)
    until(lambda: CODE in read(opener, f"{server.url}{ACTIVITY}?state=failed") and _waiting(opener, server) == [])
    return opener


def _replicate(ecr: Any, account: str) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    rules = [{"destinations": [{"region": AWAY, "registryId": account}]}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})


def _tags(page: str) -> list[str]:
    return re.findall(r'<span class="tag">([^<]+)</span>', page)


def _waiting(opener: Opener, server: Served) -> list[str]:
    return _tags(read(opener, f"{server.url}{ACTIVITY}?state=waiting"))


def test_failed_copies_are_listed_page_by_page_the_newest_first_with_the_reason(opener: Opener, server: Served) -> None:
    first = read(opener, server.url + ACTIVITY)
    second = read(opener, server.url + next_page(first))
    assert _tags(first) + _tags(second) == TAGS[::-1]
    assert len(_tags(second)) == 1
    assert (first.count(f"<code>{CODE}</code>"), second.count(f"<code>{CODE}</code>")) == (20, 1)
    assert "registry policy does not allow this account" in second
    assert "Registry permissions. Then push each tag of the image again" in second
    assert "Next page" not in second


def test_a_choice_of_states_leaves_the_others_out(opener: Opener, server: Served) -> None:
    assert len(_tags(read(opener, f"{server.url}{ACTIVITY}?state=failed"))) == 20
    assert "No copies in this state" in read(opener, f"{server.url}{ACTIVITY}?state=waiting")
