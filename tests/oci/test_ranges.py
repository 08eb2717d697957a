"""Ranges of RFC 9110 and of OCI Distribution."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.oci.ranges import Span, Unsatisfiable, Whole, asked_range, part_range
from twinport.refusals.requests import ContentRangeInvalid


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        (None, Whole()),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-5", Span(2, 4)),
        ("bytes=2-", Span(2, 8)),
        ("bytes=2-99", Span(2, 8)),
        ("bytes=0-99999999999999999999", Whole()),
        ("bytes=-3", Span(7, 3)),
        ("bytes=-99", Span(0, 10)),
        ("bytes=-0", Unsatisfiable()),
        ("bytes=10-", Unsatisfiable()),
        ("bytes=10-12", Unsatisfiable()),
        ("bytes=5-2", Whole()),
        ("bytes=-", Whole()),
        ("bytes=1-2,4-5", Whole()),
        ("bytes=a-b", Whole()),
        ("lines=1-2", Whole()),
        ("BYTES=1-2", Span(1, 2)),
    ],
)
def test_a_range_of_ten_bytes_is_read(header: str | None, asked: Whole | Span | Unsatisfiable) -> None:
    assert asked_range(header, 10) == asked


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"])
def test_no_range_of_nothing_can_be_satisfied(header: str) -> None:
    assert asked_range(header, 0) == Unsatisfiable()


@given(st.text(alphabet="bytes=0123456789-, ", max_size=20), st.integers(0, 50))
def test_what_is_answered_lies_within_the_blob(header: str, size: int) -> None:
    asked = asked_range(header, size)
    assert not isinstance(asked, Span) or 0 <= asked.first <= asked.last < size


def test_a_part_says_its_first_and_last_byte() -> None:
    assert part_range("5-9") == Span(5, 5)


@pytest.mark.parametrize("header", ["", "5", "5-", "-5", "9-5", "bytes 0-1/2", "0-1/2", "a-b", "0x1-2", "-1-2"])
def test_another_form_of_part_is_refused(header: str) -> None:
    with pytest.raises(ContentRangeInvalid):
        part_range(header)
