"""How ECR writes a policy back."""

import json

from hypothesis import given
from hypothesis import strategies as st

from twinport.registry.policy_text import rewritten

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(st.text().filter(lambda key: key != "Statement"), VALUES)


def test_a_policy_is_laid_out_as_ecr_does() -> None:
    sent = (
        '{"Version":"2008-10-17","Id":"x","Statement":[{"Sid":"new","Effect":"Allow","Principal":{"AWS":'
        '["arn:aws:iam::111122223333:root","arn:aws:iam::444455556666:root"]},"Action":["ecr:GetDownloadUrlForLayer",'
        '"ecr:BatchGetImage"],"Condition":{"StringEquals":{"aws:PrincipalTag/team":"größe"}}},'
        '{"Effect":"Deny","Principal":"*","Action":["ecr:PutImage"]}]}'
    )
    assert rewritten(sent) == (
        "{\n"
        '  "Version" : "2008-10-17",\n'
        '  "Id" : "x",\n'
        '  "Statement" : [ {\n'
        '    "Sid" : "new",\n'
        '    "Effect" : "Allow",\n'
        '    "Principal" : {\n'
        '      "AWS" : [ "arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root" ]\n'
        "    },\n"
        '    "Action" : [ "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage" ],\n'
        '    "Condition" : {\n'
        '      "StringEquals" : {\n'
        '        "aws:PrincipalTag/team" : "größe"\n'
        "      }\n"
        "    }\n"
        "  }, {\n"
        '    "Effect" : "Deny",\n'
        '    "Principal" : "*",\n'
        '    "Action" : "ecr:PutImage"\n'
        "  } ]\n"
        "}"
    )


def test_a_single_statement_that_is_no_list_stays_none() -> None:
    assert json.loads(rewritten('{"Statement":{"Action":["a:b"],"Effect":"Allow"}}')) == {
        "Statement": {"Action": "a:b", "Effect": "Allow"}
    }


@given(DOCUMENTS)
def test_rewriting_changes_no_meaning(document: dict[str, object]) -> None:
    assert json.loads(rewritten(json.dumps(document))) == document


@given(DOCUMENTS)
def test_rewriting_again_changes_nothing(document: dict[str, object]) -> None:
    once = rewritten(json.dumps(document))
    assert rewritten(once) == once
