"""The statement that lets a source account in, and adding it to a policy."""

import json

import pytest

from tests.fakes import ACCOUNT, OTHER_ACCOUNT, REGISTRY
from twinport.console import statements
from twinport.policies import documents
from twinport.policies.documents import PolicyKind

STATEMENT = statements.replication_statement("In", [OTHER_ACCOUNT], REGISTRY)


def test_a_new_policy_is_one_that_the_registry_takes() -> None:
    documents.parse(statements.with_statement(None, STATEMENT), PolicyKind.REGISTRY)


def test_the_statement_lets_an_account_create_repositories_and_carry_images_into_this_registry_alone() -> None:
    assert {
        "Sid": "In",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": [f"arn:aws:ecr:{REGISTRY.region}:{ACCOUNT}:repository/*"],
    } == STATEMENT


def test_statements_that_are_there_stay_in_their_order_even_one_outside_a_list() -> None:
    one = json.dumps({"Version": "2012-10-17", "Id": "mine", "Statement": {"Sid": "First"}})
    two = json.loads(statements.with_statement(one, STATEMENT))
    assert two == {"Version": "2012-10-17", "Id": "mine", "Statement": [{"Sid": "First"}, STATEMENT]}


@pytest.mark.parametrize(
    ("sid", "accounts"),
    [
        ("", [OTHER_ACCOUNT]),
        ("two words", [OTHER_ACCOUNT]),
        ("Taken", [OTHER_ACCOUNT]),
        ("Free", []),
        ("Free", ["12"]),
        ("Free", [ACCOUNT]),
        ("Free", [f"{number:012}" for number in range(51)]),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_saved(sid: str, accounts: list[str]) -> None:
    there = json.dumps({"Statement": [{"Sid": "Taken"}]})
    assert statements.problems(sid, accounts, REGISTRY, there)


def test_accounts_are_read_however_they_are_separated() -> None:
    assert statements.account_list(" 111122223333,4444-5555-6666;\n111122223333 ") == ["111122223333", "444455556666"]
