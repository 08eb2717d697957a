"""The tags of a repository on the console."""

from typing import Any

import pytest

from tests.console.browsing import Visitor
from tests.served import Served

# boto3 makes its clients at run time.
Ecr = Any
REGION = "eu-west-1"
TAGS, SET, REMOVE = f"{REGION}/tags?repository=team/api", f"{REGION}/tags/set", f"{REGION}/tags/remove"
NAMED = {"repository": "team/api"}


@pytest.fixture
def ecr(server: Served, account: str) -> Ecr:
    client = server.client("ecr", account, REGION)
    client.create_repository(repositoryName="team/api", tags=[{"Key": "team", "Value": "a"}])
    return client


def kept(ecr: Ecr) -> dict[str, str]:
    (repository,) = ecr.describe_repositories()["repositories"]
    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    return {each["Key"]: each["Value"] for each in tags}


def test_a_tag_is_added_changed_and_removed(root: Visitor, ecr: Ecr) -> None:
    assert "1 of at most 50" in root.get(TAGS)
    root.send(SET, NAMED | {"key": "cost center", "value": "a=b"})
    assert kept(ecr) == {"team": "a", "cost center": "a=b"}
    root.send(SET, NAMED | {"key": "team", "value": ""})
    assert kept(ecr) == {"team": "", "cost center": "a=b"}
    page = root.send(REMOVE, NAMED | {"chosen": "cost center"})
    assert kept(ecr) == {"team": ""}
    assert "The tags were removed." in page


def test_the_link_of_a_tag_fills_the_form_with_its_value(root: Visitor, ecr: Ecr) -> None:
    root.send(SET, NAMED | {"key": "owner", "value": "them @ us"})
    page = root.get(f"{TAGS}&key=owner")
    assert 'value="them @ us"' in page
    assert "<h2>Change a tag</h2>" in page
    assert kept(ecr)["owner"] == "them @ us"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("", "x", "must be 1 to 128 letters"),
        ("aws:x", "x", "is reserved"),
        ("k" * 129, "x", "must be 1 to 128 letters"),
        ("team", "v" * 257, "must be at most 256 letters"),
        ("team", "a?", "must be at most 256 letters"),
    ],
)
def test_a_tag_that_is_refused_keeps_the_input_and_changes_nothing(
    root: Visitor, ecr: Ecr, key: str, value: str, says: str
) -> None:
    page = root.send(SET, NAMED | {"key": key, "value": value})
    assert says in page
    assert f'name="value" value="{value}"' in page
    assert kept(ecr) == {"team": "a"}


def test_the_fifty_first_tag_is_refused(root: Visitor, ecr: Ecr) -> None:
    (repository,) = ecr.describe_repositories()["repositories"]
    more = [{"Key": f"key-{number}", "Value": "x"} for number in range(49)]
    ecr.tag_resource(resourceArn=repository["repositoryArn"], tags=more)
    page = root.send(SET, NAMED | {"key": "one more", "value": "x"})
    assert "Limit exceeded" in page
    assert len(kept(ecr)) == 50


def test_removing_without_a_choice_is_refused(root: Visitor, ecr: Ecr) -> None:
    assert "choose at least one tag to remove" in root.send(REMOVE, NAMED)
    assert kept(ecr) == {"team": "a"}
