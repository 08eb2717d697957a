"""Where statements stand, as AWS's own examples have it, and whatever the layout."""

import json

from hypothesis import given
from hypothesis import strategies as st

from twinport.policies.statement_spans import Position, spans

ALONE = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":'
    '{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
)
# The layout of the console, whose example in the AWS CLI's help runs from 3:19 to 9:10.
LAID_OUT = """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "One",
            "Effect": "Allow",
            "Action": "codecommit:ListRepositories",
            "Resource": "*"
        }
    ]
}"""


def test_a_list_in_lines_is_where_the_command_lines_help_has_it() -> None:
    (span,) = spans(LAID_OUT)
    assert (span.after, span.end, span.begin) == (Position(3, 19), Position(9, 10), Position(4, 9))


def test_a_statement_alone_begins_behind_its_own_brace() -> None:
    (span,) = spans(ALONE)
    assert (span.after, span.begin, span.end) == (Position(1, 38), Position(1, 37), Position(1, len(ALONE)))


def test_a_list_in_one_line_is_as_python_writes_it() -> None:
    (span,) = spans('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}')
    assert (span.after.column, span.end.column) == (41, 60)


STATEMENTS = st.lists(
    st.fixed_dictionaries({"Sid": st.text(max_size=5), "Effect": st.just("Allow"), "Action": st.just(["ecr:*", "[{"])}),
    min_size=1,
    max_size=4,
)


@given(STATEMENTS, st.sampled_from([None, 1, 4]), st.sampled_from([1, -1]))
def test_each_span_holds_its_statement_and_nothing_else(
    statements: list[dict[str, object]], indent: int | None, step: int
) -> None:
    members = [("Version", "2012-10-17"), ("Statement", statements), ("Id", "]}")]
    text = json.dumps(dict(members[::step]), indent=indent, ensure_ascii=step > 0)
    lines = text.split("\n")
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 1)
    for statement, span in zip(statements, spans(text), strict=True):
        begin, end = (offsets[at.line - 1] + at.column - 1 for at in (span.begin, span.end))
        assert json.loads(text[begin:end]) == statement
