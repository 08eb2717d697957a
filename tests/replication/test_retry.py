"""When a failed delivery is tried again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from twinport.replication.retry import MOST_ATTEMPTS, GaveUp, TryAgain, after_failure

jitters = st.floats(0, 1)


def pause(attempts: int, jitter: float = 0.0) -> timedelta:
    again = after_failure(attempts, jitter)
    assert isinstance(again, TryAgain)
    return again.after


def test_pauses_double_up_to_ten_minutes() -> None:
    seconds = [pause(attempt).total_seconds() for attempt in range(1, MOST_ATTEMPTS)]
    assert seconds == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600]


def test_after_the_last_attempt_it_is_given_up() -> None:
    assert after_failure(MOST_ATTEMPTS, 0.0) == GaveUp()
    assert after_failure(MOST_ATTEMPTS + 1, 0.0) == GaveUp()


@given(st.integers(1, MOST_ATTEMPTS - 1), jitters)
def test_jitter_takes_at_most_half_of_a_pause_and_adds_nothing(attempts: int, jitter: float) -> None:
    assert pause(attempts) / 2 <= pause(attempts, jitter) <= pause(attempts)
