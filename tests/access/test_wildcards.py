"""Wildcards match what they say, in linear time."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.access.wildcards import Version, literal, pattern
from twinport.refusals.identities import PolicyMalformed

NEW = Version.WITH_VARIABLES
SMALL = st.text("ab*?", max_size=12)


@given(SMALL, st.text("ab", max_size=12))
def test_a_pattern_matches_exactly_what_the_same_regular_expression_does(written: str, text: str) -> None:
    signs = {"*": ".*", "?": "."}
    expression = "".join(signs.get(sign, sign) for sign in written)
    assert pattern(written, NEW).matches(text, {}) is (re.fullmatch(expression, text, re.DOTALL) is not None)


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=8))
def test_the_text_of_a_variable_is_never_a_wildcard(value: str, text: str) -> None:
    assert pattern("${k:v}", NEW).matches(text, {"k:v": (value,)}) is (value == text)


@given(SMALL, st.text("ab*?", max_size=12))
def test_a_literal_matches_itself_alone(written: str, text: str) -> None:
    assert literal(written, NEW).matches(text, {}) is (written == text)


@pytest.mark.parametrize(
    "written", ["*a" * 2_000 + "b", "a*" * 2_000 + "b", "*" * 5_000 + "b", "*" + "?" * 2_000 + "b"]
)
def test_a_hostile_pattern_ends_soon(written: str) -> None:
    began = time.process_time()
    assert not pattern(written, NEW).matches("a" * 4_000, {})
    assert time.process_time() - began < 2


@pytest.mark.parametrize("written", ["${", "a${k", "${k:v", "${k,}", "${k, x}", "${ , 'x'}"])
def test_a_variable_that_is_not_closed_or_named_is_refused(written: str) -> None:
    with pytest.raises(PolicyMalformed):
        pattern(written, NEW)
