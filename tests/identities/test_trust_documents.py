"""Trust documents in IAM's own form."""

import json

import pytest

from twinport.errors import LimitReached
from twinport.identities import trust_documents
from twinport.refusals.identities import PolicyMalformed

STATEMENT = {"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}


def stored(document: object) -> str:
    return trust_documents.stored(json.dumps(document, indent=2))


def test_blanks_go_and_members_take_their_order() -> None:
    given = {"Statement": [dict(reversed(STATEMENT.items())) | {"Sid": "One"}], "Version": "2012-10-17"}
    assert stored(given) == (
        '{"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow",'
        '"Principal":{"Service":"ecr.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
    )


def test_lists_of_one_are_unpacked_and_longer_ones_stay() -> None:
    statement = {
        **STATEMENT,
        "Principal": {"Service": ["ecr.amazonaws.com"], "AWS": ["111122223333", "444455556666"]},
        "Action": ["sts:AssumeRole"],
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["blue"]}},
    }
    (shown,) = json.loads(stored({"Version": "2012-10-17", "Statement": [statement]}))["Statement"]
    assert shown["Principal"] == {"Service": "ecr.amazonaws.com", "AWS": ["111122223333", "444455556666"]}
    assert shown["Action"] == "sts:AssumeRole"
    assert shown["Condition"] == statement["Condition"]


def test_a_statement_alone_becomes_a_list() -> None:
    assert json.loads(stored({"Version": "2012-10-17", "Statement": STATEMENT}))["Statement"] == [STATEMENT]


def test_an_encoded_value_inside_survives() -> None:
    condition = {"StringLike": {"aws:SourceArn": "arn%3Aaws%3Aiam::*"}}
    document = {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Condition": condition}]}
    assert "arn%3Aaws%3Aiam::*" in stored(document)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}'])
def test_what_is_no_trust_document_is_refused(text: str) -> None:
    with pytest.raises(PolicyMalformed):
        trust_documents.stored(text)


def test_blanks_do_not_count_toward_the_size() -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
    assert trust_documents.stored(document + " " * 3000)
    with pytest.raises(LimitReached):
        stored({"Version": "2012-10-17", "Statement": [{**STATEMENT, "Sid": "x" * 2048}]})
