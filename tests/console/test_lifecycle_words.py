"""A lifecycle policy in words, and what is said about a text that is none."""

import json
from typing import Any

import pytest

from twinport.console import lifecycle_words
from twinport.model.lifecycle_policies import PolicyInvalid


def rule(priority: int, selection: dict[str, Any], **more: object) -> dict[str, Any]:
    basis = {"countType": "imageCountMoreThan", "countNumber": 5}
    if selection.get("countType", "imageCountMoreThan") != "imageCountMoreThan":
        selection = {"countUnit": "days", **selection}
    return {"rulePriority": priority, "selection": basis | selection, "action": {"type": "expire"}, **more}


ARCHIVING = {"action": {"type": "transition", "targetStorageClass": "archive"}}
ARCHIVED = {
    "tagStatus": "any",
    "storageClass": "archive",
    "countType": "sinceImageTransitioned",
    "countNumber": 180,
}


@pytest.mark.parametrize(
    ("given", "selection", "condition", "action"),
    [
        (rule(1, {"tagStatus": "any"}), "All images, tagged or not", "All but the newest 5", "Expire"),
        (
            rule(1, {"tagStatus": "any", "countNumber": 1}),
            "All images, tagged or not",
            "All but the newest one",
            "Expire",
        ),
        (
            rule(1, {"tagStatus": "untagged", "countType": "sinceImagePushed", "countNumber": 1}),
            "Images without tags",
            "More than 1 day after the push",
            "Expire",
        ),
        (
            rule(1, {"tagStatus": "tagged", "tagPrefixList": ["a", "b"]}),
            "Images with a tag beginning with each of",
            "All but the newest 5",
            "Expire",
        ),
        (
            rule(1, {"tagStatus": "tagged", "tagPatternList": ["a*"], "countType": "sinceImagePulled"}, **ARCHIVING),
            "Images with a tag matching",
            "More than 5 days after the last pull",
            "Archive",
        ),
        (
            rule(1, ARCHIVED),
            "All archived images, tagged or not",
            "More than 180 days after the move to the archive",
            "Expire",
        ),
    ],
)
def test_a_rule_says_what_it_selects_and_when_it_acts(
    given: dict[str, Any], selection: str, condition: str, action: str
) -> None:
    [words] = lifecycle_words.rules(json.dumps({"rules": [given]}))
    assert (words.selection, words.condition, words.action) == (selection, condition, action)


def test_rules_are_in_the_order_of_priority_with_their_own_descriptions() -> None:
    last, first = (
        rule(9, {"tagStatus": "any"}, description="last"),
        rule(1, {"tagStatus": "untagged"}, description="first"),
    )
    found = lifecycle_words.rules(json.dumps({"rules": [last, first]}))
    assert [(each.priority, each.description) for each in found] == [(1, "first"), (9, "last")]


def test_long_lists_and_descriptions_are_cut() -> None:
    given = rule(1, {"tagStatus": "tagged", "tagPrefixList": [f"p{n}" for n in range(30)]}, description="d" * 900)
    [words] = lifecycle_words.rules(json.dumps({"rules": [given]}))
    assert (len(words.entries), words.more, len(words.description)) == (10, 20, 201)


@pytest.mark.parametrize(
    ("rules", "where"),
    [
        (
            [rule(1, {"tagStatus": "untagged"}), rule(0, {"tagStatus": "any"})],
            "rule 2 of the text, member rulePriority",
        ),
        ([rule(1, {"tagStatus": "all"})], "rule 1 of the text, member selection.tagStatus"),
        ([rule(1, {"tagStatus": "any", "countNumber": "5"})], "rule 1 of the text, member selection.countNumber"),
        ([rule(1, {"tagStatus": "any", "countType": "age"})], "rule 1 of the text, member selection.countType"),
        ([rule(1, {"tagStatus": "any"}, action={"type": "keep"})], "rule 1 of the text, member action.type"),
        ([rule(1, {"tagStatus": "any"}, description=7)], "rule 1 of the text, member description"),
        ([rule(1, {"tagStatus": "any"}, more=7)], "rule 1 of the text."),
        (
            [rule(1, {"tagStatus": "tagged", "tagPrefixList": [""]})],
            "rule 1 of the text, member selection.tagPrefixList",
        ),
        ([rule(1, ARCHIVED | {"countNumber": 5})], "rule 1 of the text, member selection.countNumber"),
        # Of two rules that do not go together, the later one of the text is named, whatever their priorities are.
        (
            [rule(7, {"tagStatus": "untagged"}), rule(3, {"tagStatus": "untagged"})],
            "rule 2 of the text, member selection.tagStatus",
        ),
        (
            [rule(4, {"tagStatus": "untagged"}), rule(4, {"tagStatus": "any"})],
            "rule 2 of the text, member rulePriority",
        ),
        (
            [rule(9, {"tagStatus": "untagged"}), rule(2, {"tagStatus": "any"})],
            "rule 2 of the text, member rulePriority",
        ),
        ([], "Where: rules."),
    ],
)
def test_a_refusal_names_the_rule_and_the_member(rules: list[dict[str, Any]], where: str) -> None:
    assert where in remedy(json.dumps({"rules": rules}))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"rules": [\n  {"rulePriority": 1,}\n]}', "line 2, column 22"),
        ("", "line 1, column 1"),
        ("[]", "not an object"),
        ('{"rules": [], "rules": []}', "the member 'rules' is given twice"),
        ('{"rules": NaN}', "JSON has no number NaN"),
        ('{"more": 1}', "the policy as a whole"),
    ],
)
def test_a_text_that_is_not_json_or_no_policy_says_where(text: str, where: str) -> None:
    assert where in remedy(text)


def remedy(text: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        lifecycle_words.rules(text)
    return lifecycle_words.explained(refused.value).remedy
