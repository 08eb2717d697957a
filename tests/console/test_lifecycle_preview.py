"""Previews: one that is refused is refused on its form, and no page shows the results of another one."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.console.browsing import Visitor
from tests.console.test_asking import LIFECYCLE, RULE, someone
from tests.served import Served
from tests.sts.callers import document, statement
from twinport.console.pages import fingerprint

# boto3 makes its clients at run time.
Ecr = Any
REGION = "eu-west-1"
OTHER = LIFECYCLE.replace("1000", "1001")


def fresh(visitor: Visitor, text: str) -> str:
    asked = urlencode({"repository": "team/api", "of": fingerprint(text)})
    return visitor.get(f"{REGION}/lifecycle/preview/fresh?{asked}")


def test_results_stay_those_of_the_policy_beside_them(root: Visitor, ecr: Ecr) -> None:
    ecr.start_lifecycle_policy_preview(repositoryName="team/api", lifecyclePolicyText=LIFECYCLE)
    assert "Another preview" not in fresh(root, LIFECYCLE)
    replaced = fresh(root, OTHER)
    assert "Another preview was started meanwhile" in replaced
    assert "would expire" not in replaced
    assert 'data-live=""' in replaced
    assert f"of={fingerprint(OTHER)}" in replaced


def test_a_preview_of_a_policy_that_was_deleted_meanwhile_is_refused_on_its_page(root: Visitor, ecr: Ecr) -> None:
    ecr.put_lifecycle_policy(repositoryName="team/api", lifecyclePolicyText=LIFECYCLE)
    form = {"repository": "team/api", "saved": "yes"}
    ecr.delete_lifecycle_policy(repositoryName="team/api")
    told = root.send(f"{REGION}/lifecycle/preview", form)
    assert "Lifecycle policy does not exist" in told
    assert "<h2>No lifecycle policy</h2>" in told


@pytest.mark.parametrize(
    ("form", "action", "more"),
    [
        ("edit", "ecr:PutLifecyclePolicy", {}),
        ("preview", "ecr:StartLifecyclePolicyPreview", {}),
        ("add", "ecr:GetLifecyclePolicy", RULE),
        ("add", "ecr:GetLifecyclePolicy", {**RULE, "count": "none"}),
    ],
)
@pytest.mark.usefixtures("ecr")
def test_the_text_of_a_visitor_without_the_permission_is_not_read(
    server: Served, account: str, form: str, action: str, more: dict[str, str]
) -> None:
    visitor = someone(server, account, document(statement("Allow", "*"), statement("Deny", action)))
    typed = {"repository": "team/api", "policy": f"{{{' ' * 100}no JSON", "seen": fingerprint(None), **more}
    told = visitor.send(f"{REGION}/lifecycle/{form}", typed)
    assert f"not authorized to perform: {action}" in told
    assert "Could not map policyString" not in told


@pytest.mark.usefixtures("ecr")
@pytest.mark.parametrize("form", ["edit", "preview", "add"])
def test_a_text_that_is_too_long_is_refused_for_its_length(root: Visitor, form: str) -> None:
    text = "{" + '"m":1,' * 8_000 + '"m":1}'
    told = root.send(
        f"{REGION}/lifecycle/{form}", {"repository": "team/api", "policy": text, "seen": fingerprint(None), **RULE}
    )
    assert "must have length less than or equal to 30720" in told
    assert "is given twice" not in told
