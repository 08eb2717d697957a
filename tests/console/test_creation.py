"""Creating and deleting repositories on the console."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.browser.pushing import push
from tests.console.browsing import Visitor
from tests.served import Served, start

# boto3 makes its clients at run time.
Ecr = Any
REGION = "eu-west-1"
NEW, DELETE = f"{REGION}/repositories/new", f"{REGION}/repositories/delete"
PLAIN = {"name": "team/api", "mutability": "MUTABLE", "encryption": "AES256"}


@pytest.fixture
def ecr(server: Served, account: str) -> Ecr:
    return server.client("ecr", account, REGION)


def described(ecr: Ecr) -> list[dict[str, Any]]:
    return list(ecr.describe_repositories()["repositories"])


def test_a_repository_is_created_with_every_setting(root: Visitor, ecr: Ecr) -> None:
    typed = PLAIN | {"mutability": "IMMUTABLE_WITH_EXCLUSION", "filters": "dev-*", "scan": "on"}
    key = {"encryption": "KMS_DSSE", "kms-key": "alias/ours", "tag-key": "team", "tag-value": "a = b"}
    assert "<h1>team/api</h1>" in root.send(NEW, typed | key)
    (made,) = described(ecr)
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert [each["filter"] for each in made["imageTagMutabilityExclusionFilters"]] == ["dev-*"]
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert made["encryptionConfiguration"]["encryptionType"] == "KMS_DSSE"
    assert made["encryptionConfiguration"]["kmsKey"].endswith(":alias/ours")
    tags = ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "a = b"}]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": "Team"}, "is not a repository name"),
        ({"mutability": "NEVER"}, "choose an image tag mutability"),
        ({"encryption": ""}, "choose an encryption type"),
        ({"kms-key": "alias/ours"}, "AES256 has none"),
        ({"kms-key": "k" * 2049, "encryption": "KMS"}, "at most 2048 characters"),
        ({"encryption": "KMS", "kms-key": "arn:aws:kms:us-east-1:111122223333:alias/x"}, "must be in the Region"),
        ({"tag-key": "aws:own", "tag-value": "x"}, "is reserved"),
        ({"tag-key": "", "tag-value": "lonely"}, "must be 1 to 128 letters"),
    ],
)
def test_a_repository_that_is_refused_is_not_created_and_the_input_is_kept(
    root: Visitor, ecr: Ecr, typed: dict[str, str], says: str
) -> None:
    page = root.send(NEW, PLAIN | {"scan": "on"} | typed)
    assert says in page
    assert 'name="scan" value="on" checked' in page
    assert described(ecr) == []


def test_more_rows_for_tags_are_given_and_nothing_is_created(root: Visitor, ecr: Ecr) -> None:
    page = root.send(NEW, PLAIN | {"go": "more", "tag-key": "team", "tag-value": "a"})
    assert 'value="team"' in page
    assert page.count('name="tag-key"') == 3
    assert described(ecr) == []


def test_types_with_keys_are_neither_offered_nor_taken_where_the_operator_refuses_them(tmp_path: Path) -> None:
    server = start(tmp_path / "data", TWINPORT_ENCRYPTION_AT_REST="refuse")
    try:
        root = Visitor(server, {"way": "open", "account": "111122223333"})
        form = root.get(NEW)
        assert form.count(" disabled>") == 2
        assert "encryption_at_rest" in form
        assert "is refused here, since the server encrypts nothing" in root.send(NEW, PLAIN | {"encryption": "KMS"})
    finally:
        server.stop()


def test_a_repository_with_images_is_deleted_with_them_only_if_the_box_is_checked(
    root: Visitor, server: Served, account: str, ecr: Ecr
) -> None:
    ecr.create_repository(repositoryName="team/api")
    push(server, account, "team/api", "1.0", REGION)
    typed = {"repository": "team/api", "confirmation": "team/api"}
    assert "It has 1 image, with all its tags." in root.get(f"{DELETE}?repository=team/api")
    assert "cannot be deleted because it still contains images" in root.send(DELETE, typed)
    assert len(described(ecr)) == 1
    assert "The repository was deleted." in root.send(DELETE, typed | {"images": "deleted"})
    assert described(ecr) == []


def test_an_empty_repository_needs_its_name_and_no_box(root: Visitor, ecr: Ecr) -> None:
    ecr.create_repository(repositoryName="team/api")
    page = root.get(f"{DELETE}?repository=team/api")
    assert "It has no images." in page
    assert "Also delete" not in page
    assert "team/api" in root.send(DELETE, {"repository": "team/api", "confirmation": "team/ap"})
    assert len(described(ecr)) == 1
    root.send(DELETE, {"repository": "team/api", "confirmation": "team/api"})
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        ecr.describe_repositories(repositoryNames=["team/api"])
