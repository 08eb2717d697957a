"""The page of a repository creation template says whether repositories can be created from it."""

from typing import Any

import pytest

from tests.console.browsing import Visitor

TAGS, KMS = [{"Key": "team", "Value": "payments"}], {"encryptionType": "KMS"}
WARNING = "This template needs a custom role"


@pytest.mark.parametrize(
    ("settings", "action"),
    [({"resourceTags": TAGS}, "ecr:TagResource"), ({"encryptionConfiguration": KMS}, "kms:CreateGrant")],
)
def test_a_template_that_the_service_linked_role_may_not_use_is_warned_of(
    root: Visitor,
    account: str,
    ecr: Any,  # noqa: ANN401 — boto3 makes its clients at run time
    settings: dict[str, object],
    action: str,
) -> None:
    ecr.create_repository_creation_template(prefix="prod", appliedFor=["CREATE_ON_PUSH"], **settings)
    for page in ("one", "edit"):
        shown = root.get(f"eu-west-1/templates/{page}?prefix=prod")
        assert WARNING in shown
        assert f"<code>{action}</code>" in shown
    role = f"arn:aws:iam::{account}:role/maker"
    ecr.update_repository_creation_template(prefix="prod", customRoleArn=role)
    assert WARNING not in root.get("eu-west-1/templates/one?prefix=prod")


def test_a_template_without_tags_and_keys_is_not_warned_of(root: Visitor, ecr: Any) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    ecr.create_repository_creation_template(prefix="prod", appliedFor=["CREATE_ON_PUSH"])
    shown = root.get("eu-west-1/templates/one?prefix=prod")
    assert WARNING not in shown
    assert "the service-linked role creates the repositories" in shown


def test_no_purpose_is_chosen_beforehand(root: Visitor) -> None:
    form = root.get("eu-west-1/templates/new")
    assert form.count('name="applied"') == 3
    assert not any("checked" in each.partition(">")[0] for each in form.split('name="applied"')[1:])
