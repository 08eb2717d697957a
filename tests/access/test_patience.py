"""How long somebody waits who guesses."""

from datetime import timedelta

import pytest

from tests.fakes import NOW
from twinport.access.patience import FORGIVEN_AFTER, FREE_ATTEMPTS, LONGEST_WAIT, MOST_SUBJECTS, Patience
from twinport.clock import ManualClock
from twinport.refusals.callers import TooManyAttempts


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def patience(clock: ManualClock) -> Patience:
    return Patience(clock)


def fail(patience: Patience, times: int, subject: str = "user a") -> None:
    for _ in range(times):
        patience.admit(subject)


def test_a_few_mistakes_cost_nothing(patience: Patience) -> None:
    fail(patience, FREE_ATTEMPTS)


def test_each_further_mistake_doubles_the_wait_up_to_a_minute(patience: Patience, clock: ManualClock) -> None:
    fail(patience, FREE_ATTEMPTS)
    waits = []
    for _ in range(12):
        with pytest.raises(TooManyAttempts) as refused:
            patience.admit("user a")
        waits.append(refused.value.seconds)
        clock.advance(timedelta(seconds=refused.value.seconds))
        patience.admit("user a")
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_WAIT.total_seconds()


def test_others_do_not_wait(patience: Patience) -> None:
    fail(patience, FREE_ATTEMPTS)
    patience.admit("user b")


def test_an_attempt_at_one_account_counts_for_the_address_too(patience: Patience) -> None:
    for number in range(FREE_ATTEMPTS):
        patience.admit(f"user {number}", "address x")
    with pytest.raises(TooManyAttempts):
        patience.admit("user new", "address x")


def test_success_does_not_count_and_does_not_excuse_earlier_guesses(patience: Patience) -> None:
    fail(patience, FREE_ATTEMPTS - 1)
    patience.admit("user a")
    patience.succeeded("user a")
    patience.admit("user a")
    with pytest.raises(TooManyAttempts):
        patience.admit("user a")


def test_attempts_that_come_at_once_are_counted_before_their_outcome_is_known(patience: Patience) -> None:
    fail(patience, FREE_ATTEMPTS)
    with pytest.raises(TooManyAttempts):
        patience.admit("user a")


def test_after_a_quiet_while_counting_begins_anew(patience: Patience, clock: ManualClock) -> None:
    fail(patience, FREE_ATTEMPTS)
    clock.advance(FORGIVEN_AFTER)
    fail(patience, FREE_ATTEMPTS)


def test_memory_is_bounded(patience: Patience) -> None:
    for number in range(MOST_SUBJECTS + 10):
        patience.admit(f"user {number}")
    assert len(patience._records) == MOST_SUBJECTS
