"""Pages: every item once, and tokens that fit one request alone."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.refusals.requests import InvalidParameter
from twinport.registry import paging
from twinport.registry.paging import Page, PageRequest

REQUEST = ("DescribeRepositories", "111122223333/eu-west-1")
FIRST = ("",)
# No name has the character that PostgreSQL does not store.
NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), unique=True).map(sorted)


def page_of(names: list[str], page: PageRequest) -> Page[str]:
    after = paging.start(page, REQUEST, FIRST)
    found = [name for name in names if (name,) > after]
    return paging.cut(found[: page.limit + 1], page, REQUEST, lambda name: (name,))


@given(NAMES, st.integers(min_value=1, max_value=5))
def test_walking_the_pages_meets_every_item_once_in_order(names: list[str], limit: int) -> None:
    met: list[str] = []
    page = page_of(names, PageRequest(limit))
    while page.token is not None:
        assert len(page.items) == limit
        met.extend(page.items)
        page = page_of(names, PageRequest(limit, page.token))
    assert [*met, *page.items] == names


@given(NAMES.filter(bool), st.integers(min_value=0))
def test_an_item_that_goes_between_two_pages_hides_no_other(names: list[str], pick: int) -> None:
    first = page_of(names, PageRequest(1))
    gone = names[pick % len(names)]
    rest = [name for name in names if name != gone]
    if first.token is not None:
        following = page_of(rest, PageRequest(len(names), first.token))
        assert [*first.items, *following.items] == sorted({*rest, names[0]})


def test_a_token_of_another_request_is_refused() -> None:
    token = page_of(["a", "b"], PageRequest(1)).token
    with pytest.raises(InvalidParameter, match="nextToken"):
        paging.start(PageRequest(1, token), ("ListImages", REQUEST[1]), FIRST)


@given(st.text())
def test_a_token_that_was_made_up_is_refused(token: str) -> None:
    with pytest.raises(InvalidParameter, match="nextToken"):
        paging.start(PageRequest(1, token), REQUEST, FIRST)


def test_a_token_altered_anywhere_is_refused() -> None:
    token = page_of(["team/api", "team/web"], PageRequest(1)).token
    assert token is not None
    for place in range(len(token) - 1):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(InvalidParameter):
            paging.start(PageRequest(1, altered), REQUEST, FIRST)


@pytest.mark.parametrize(
    "position",
    [
        b"",
        b"{}",
        b"7",
        b"[7]",
        b"[[]]",
        b'["a","b"]',
        b"[]",
        b'["\\ud800"]',
        b'["\\u0000"]',
        b"[" * 10_000,
        b"[" + b"9" * 5000,
    ],
)
def test_a_token_with_a_right_checksum_over_no_position_is_refused(position: bytes) -> None:
    token = urlsafe_b64encode(paging._checksum(position, REQUEST) + position).decode()
    with pytest.raises(InvalidParameter, match="nextToken"):
        paging.start(PageRequest(1, token), REQUEST, FIRST)
