"""Events on a terminal: within 100 columns, whole words, and nothing that steers the terminal."""

from hypothesis import given
from hypothesis import strategies as st

from twinport.logs.text import WIDTH, shown

DIGEST = f"sha256:{'a' * 64}"
ARN = "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForECRReplication/eu-west-1-111122223333-us-east-1-0123"
FACTS = {"delivery": "8d3b9f8e-3f4a-4b62-9d1e-0a57f1c4d9a0", "repository": "team/api", "digest": DIGEST, "tag": None}


def text(**fields: object) -> str:
    return shown("12:34:56.789", "info", "delivery.settled", fields)


def test_a_line_is_at_most_a_hundred_columns_wide() -> None:
    lines = text(**FACTS, destination="222222222222/us-east-1", outcome="complete", bytes=1_050_323).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= WIDTH


def test_a_digest_is_never_broken() -> None:
    assert f"digest={DIGEST}" in text(**FACTS)


def test_a_word_that_is_longer_than_the_line_stays_whole() -> None:
    assert f"caller={ARN}" in text(caller=ARN, action="ecr:PutImage")


def test_a_sentence_is_quoted() -> None:
    assert 'reason="the disk is full" tag=v1' in text(reason="the disk is full", tag="v1")


def test_a_field_without_a_value_is_left_out() -> None:
    assert "tag" not in text(tag=None, repository="team/api")


def test_an_event_without_fields_is_its_name() -> None:
    assert text() == "12:34:56.789 info    delivery.settled"


def test_a_traceback_keeps_its_lines() -> None:
    assert text(exception="Traceback:\n  File 'x'\nOSError: no\n").splitlines()[-1].strip() == "OSError: no"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_a_value_steers_no_terminal_and_begins_no_line(value: str) -> None:
    lines = text(path=value).split("\n")
    assert all(line.isprintable() for line in lines)
    assert all(line.startswith((" ", "12:34:56.789")) for line in lines)
