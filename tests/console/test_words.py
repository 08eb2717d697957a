"""States, sizes and times in words."""

from dataclasses import replace

import pytest

from tests.fakes import NOW, OTHER_ACCOUNT, OTHER_REGION
from twinport.console import words
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import DeliveryReport, DeliveryState, FailureCode

REPORT = DeliveryReport(
    id="one",
    destination=Registry(OTHER_ACCOUNT, OTHER_REGION),
    repository=RepositoryName("team/api"),
    digest=Digest.of(b""),
    tag=None,
    position=Position(1, 1),
    state=DeliveryState.WAITING,
    failure_code=None,
    reason=None,
    attempts=0,
    created_at=NOW,
    settled_at=None,
    bytes_carried=0,
    carried_by=None,
)


@pytest.mark.parametrize(
    ("report", "word", "is_settled"),
    [
        (REPORT, "waiting", False),
        (replace(REPORT, attempts=1), "copying", False),
        (replace(REPORT, attempts=1, reason="the destination is away"), "waiting", False),
        (replace(REPORT, attempts=1, state=DeliveryState.COMPLETE, settled_at=NOW), "complete", True),
        (replace(REPORT, attempts=1, state=DeliveryState.FAILED, settled_at=NOW), "failed", True),
    ],
)
def test_each_state_has_its_word(report: DeliveryReport, word: str, *, is_settled: bool) -> None:
    state = words.copy_state(report)
    assert (state.word, state.is_settled) == (word, is_settled)


def test_a_copy_that_waits_again_says_after_how_many_attempts_and_why() -> None:
    state = words.copy_state(replace(REPORT, attempts=2, reason="the destination is away"))
    assert state.details == "to be tried again after 2 attempts: the destination is away"


@pytest.mark.parametrize("code", FailureCode)
def test_every_way_of_giving_up_says_why_and_what_to_do(code: FailureCode) -> None:
    state = words.copy_state(replace(REPORT, state=DeliveryState.FAILED, failure_code=code))
    assert state.details
    assert state.remedy.endswith(".")


@pytest.mark.parametrize(
    ("trust", "text"),
    [
        ('{"Statement": {"Principal": {"Service": "replication.ecr.amazonaws.com"}}}', "replication.ecr.amazonaws.com"),
        ('{"Statement": [{"Principal": {"AWS": ["a", "b"]}}, {"Principal": "*"}]}', "a, b, *"),
        ('{"Statement": [{"Principal": {"AWS": ["a", "b", "c", "d", "e"]}}]}', "a, b, c and 2 more"),
        ('{"Statement": []}', ""),
    ],
)
def test_who_may_assume_a_role_is_named_without_its_policy(trust: str, text: str) -> None:
    assert words.trusted(trust) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 20, "5.0 MiB"), (1 << 52, "4096.0 TiB")]
)
def test_sizes_are_in_the_unit_that_fits(count: int, text: str) -> None:
    assert words.size(count) == text
