"""The form that adds a rule to a policy."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from twinport import console
from twinport.console.lifecycle_form import RuleDraft, with_rule
from twinport.console.visits import Fields
from twinport.model.lifecycle_policies import CountType, PolicyInvalid

FIELDS = {
    "priority": "3",
    "description": "old builds",
    "tags": "prefixes",
    "entries": "dev-, test-",
    "count-type": "sinceImagePushed",
    "count": "14",
    "action": "expire",
}


def draft(**changed: str) -> RuleDraft:
    return RuleDraft.parse(
        Fields.parse(urlencode(FIELDS | {name.replace("_", "-"): it for name, it in changed.items()}))
    )


@pytest.mark.parametrize(
    ("changed", "selection", "action"),
    [
        (
            {},
            {
                "tagStatus": "tagged",
                "tagPrefixList": ["dev-", "test-"],
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 14,
            },
            {"type": "expire"},
        ),
        (
            {"tags": "patterns", "entries": "*-rc*", "count_type": "imageCountMoreThan"},
            {"tagStatus": "tagged", "tagPatternList": ["*-rc*"], "countType": "imageCountMoreThan", "countNumber": 14},
            {"type": "expire"},
        ),
        (
            {"tags": "any", "count_type": "sinceImagePulled", "action": "transition"},
            {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 14},
            {"type": "transition", "targetStorageClass": "archive"},
        ),
        (
            {"tags": "untagged", "count_type": "sinceImageTransitioned", "count": "90"},
            {
                "tagStatus": "untagged",
                "storageClass": "archive",
                "countType": "sinceImageTransitioned",
                "countUnit": "days",
                "countNumber": 90,
            },
            {"type": "expire"},
        ),
    ],
)
def test_every_kind_of_rule_is_one_that_a_policy_may_have(
    changed: dict[str, str], selection: dict[str, Any], action: dict[str, str]
) -> None:
    given = draft(**changed)
    assert given.problems() == []
    added = with_rule("", given.rule())
    [rule] = json.loads(added)["rules"]
    assert rule == {"rulePriority": 3, "description": "old builds", "selection": selection, "action": action}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"priority": "first"}, "the priority is a whole number"),
        ({"count": "0"}, "the number of images or days is a whole number"),
        ({"count": "٣"}, "the number of images or days is a whole number"),
        ({"entries": " , "}, "give at least one prefix or pattern"),
    ],
)
def test_fields_that_are_no_rule_are_refused(changed: dict[str, str], problem: str) -> None:
    [found] = draft(**changed).problems()
    assert found.startswith(problem)


def test_a_rule_that_does_not_fit_the_others_is_refused() -> None:
    with pytest.raises(PolicyInvalid, match="priorities must be unique"):
        with_rule(with_rule("", draft().rule()), draft(tags="any").rule())


def test_the_next_rule_comes_after_the_others_and_before_the_one_for_every_image() -> None:
    text = with_rule("", draft().rule())
    assert RuleDraft.blank("").priority == "1"
    assert RuleDraft.blank("no policy").priority == "1"
    assert RuleDraft.blank(text).priority == "4"
    assert RuleDraft.blank(with_rule(text, draft(tags="any", priority="9").rule())).priority == "4"


@pytest.mark.parametrize("count_type", CountType)
def test_the_form_offers_every_count_type(count_type: CountType) -> None:
    form = Path(*console.__path__, "templates", "lifecycle_edit.html").read_text()
    assert f'("{count_type.value}", "' in form
