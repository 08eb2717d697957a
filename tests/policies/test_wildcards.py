"""Wildcards match what they say, in few steps."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.policies.readings import Effect, Reading
from twinport.policies.steps import Steps
from twinport.policies.wildcards import Pattern, RequestContext, Version, literal, pattern
from twinport.refusals.identities import PolicyMalformed

NEW = Version.WITH_VARIABLES
GRANTING = Reading.of(Effect.ALLOW, negated=False)
SMALL = st.text("ab*?", max_size=12)


def matches(made: Pattern, text: str, context: RequestContext | None = None) -> bool:
    return made.matches(text, context or {}, Steps())


@given(SMALL, st.text("ab", max_size=12))
def test_a_pattern_matches_exactly_what_the_same_regular_expression_does(written: str, text: str) -> None:
    signs = {"*": ".*", "?": "."}
    expression = "".join(signs.get(sign, sign) for sign in written)
    assert matches(pattern(written, NEW, GRANTING), text) is (re.fullmatch(expression, text, re.DOTALL) is not None)


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=8))
def test_the_text_of_a_variable_is_never_a_wildcard(value: str, text: str) -> None:
    assert matches(pattern("${k:v}", NEW, GRANTING), text, {"k:v": (value,)}) is (value == text)


@given(SMALL, st.text("ab", max_size=3), st.text("ab", max_size=12))
def test_a_variable_is_matched_like_its_value_written_out(written: str, value: str, text: str) -> None:
    of_variable = pattern(f"{written}${{k:v}}{written}", NEW, GRANTING)
    written_out = pattern(f"{written}{value}{written}", NEW, GRANTING)
    assert matches(of_variable, text, {"k:v": (value,)}) is matches(written_out, text)


@given(SMALL, st.text("ab*?", max_size=12))
def test_a_literal_matches_itself_alone(written: str, text: str) -> None:
    assert matches(literal(written, NEW, GRANTING), text) is (written == text)


HOSTILE = [
    *("*a" * 300 + "b", "a*" * 300 + "b", "*" * 1_000 + "b", "*" + "?" * 300 + "b", "*" + "a?" * 300 + "b*"),
    *("*" + "a?" * 150 + "b" + "?a" * 150 + "*", "*" + "a" * 300 + "b*", "*" + "a" * 300 + "b" + "a" * 300 + "*"),
    *("*a?" * 300 + "b", "?" * 600 + "b", "*" + "?*" * 300 + "b"),
]


@pytest.mark.parametrize("written", HOSTILE)
def test_a_hostile_pattern_takes_no_more_steps_than_it_has_characters_and_a_few_a_character_of_the_text(
    written: str,
) -> None:
    steps = Steps()
    began, text = steps.left, "a" * 1_024
    assert not pattern(written, NEW, GRANTING).matches(text, {}, steps)
    # A search of a text in C may cost a step for every sixteen characters of the value besides.
    searches = (written.count("*") + len(written) // 4) * len(text) // 16
    assert began - steps.left <= len(written) + 4 * len(text) + searches


@pytest.mark.parametrize("written", ["*" + "a?" * 300 + "b*", "*" + "a?" * 150 + "b" + "?a" * 150 + "*"])
def test_twice_the_value_takes_at_most_twice_the_steps(written: str) -> None:
    def steps_for(length: int) -> int:
        steps = Steps()
        began = steps.left
        assert not pattern(written, NEW, GRANTING).matches("a" * length, {}, steps)
        return began - steps.left

    assert steps_for(1_024) <= 2 * steps_for(700)


@pytest.mark.parametrize("written", ["${", "a${k", "${k:v", "${k,}", "${k, x}", "${ , 'x'}"])
def test_a_variable_that_is_not_closed_or_named_is_refused(written: str) -> None:
    with pytest.raises(PolicyMalformed):
        pattern(written, NEW, GRANTING)
