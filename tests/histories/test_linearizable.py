"""The search finds an order where there is one, and says so where there is none."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.histories.linearizable import (
    NEVER,
    Action,
    Call,
    Clear,
    MayClear,
    Read,
    Remove,
    RemoveIf,
    Value,
    Write,
    first_impossible,
)

VALUES = st.sampled_from(["a", "b", "c"])
CHANGES = st.one_of(VALUES.map(Write), VALUES.map(Remove), VALUES.map(RemoveIf), st.just(Clear()), st.just(MayClear()))
ACTIONS = CHANGES | (VALUES | st.none()).map(Read)


@st.composite
def calls(draw: st.DrawFn, *, most: int) -> list[Call]:
    """Any calls at all; few of them have an order."""
    made = []
    for action in draw(st.lists(ACTIONS, max_size=most)):
        began = draw(st.integers(0, 12))
        ended = draw(st.integers(began, 14) | st.just(NEVER)) if not isinstance(action, Read) else began + 1
        made.append(Call(action, float(began), float(ended)))
    return made


@st.composite
def honest(draw: st.DrawFn) -> list[Call]:
    """Calls as a register answers them that does one thing after the other, each somewhere between its two ends."""
    value: Value = None
    made = []
    for moment, wanted in enumerate(draw(st.lists(ACTIONS, min_size=1, max_size=40))):
        action = wanted
        if isinstance(action, Read) or not _outcomes(action, value):
            action = Read(value)
        value = draw(st.sampled_from(_outcomes(action, value)))
        began, ended = moment - draw(st.floats(0, 4)), moment + draw(st.floats(0, 4))
        is_lost = not isinstance(action, Read) and draw(st.integers(0, 9)) == 0
        made.append(Call(action, began, NEVER if is_lost else ended))
    return made


@given(calls(most=6))
def test_it_agrees_with_trying_every_order(history: list[Call]) -> None:
    assert (first_impossible(history) is None) == any_order_works(history)


@given(honest())
def test_what_a_register_answered_has_an_order(history: list[Call]) -> None:
    assert first_impossible(history) is None


@given(honest(), st.data())
def test_a_value_that_was_never_written_is_never_read(history: list[Call], data: st.DataObject) -> None:
    reads = [number for number, call in enumerate(history) if isinstance(call.action, Read)]
    assume(reads)
    wrong = data.draw(st.sampled_from(reads))
    changed = [*history]
    changed[wrong] = replace(history[wrong], action=Read("never written"))
    assert first_impossible(changed) is not None


@given(honest())
def test_an_acknowledged_write_that_is_lost_is_found(history: list[Call]) -> None:
    """Everything has returned, a write is acknowledged, and what is read afterwards is not what was written."""
    assume(all(call.ended != NEVER for call in history))
    end = max(call.ended for call in history)
    lost = [Call(Write("new"), end + 1, end + 2), Call(Read(None), end + 3, end + 4)]
    assert first_impossible([*history, *lost]) == len(history) + 1


def test_a_read_that_begins_after_a_move_returned_does_not_see_what_was_before() -> None:
    history = [call(Write("old"), 0, 1), call(Write("new"), 2, 3), call(Read("old"), 4, 5)]
    assert first_impossible(history) == 2


def test_a_read_during_a_move_sees_either() -> None:
    moved = [call(Write("old"), 0, 1), call(Write("new"), 2, 6)]
    assert first_impossible([*moved, call(Read("new"), 3, 4), call(Read("new"), 4, 5)]) is None
    assert first_impossible([*moved, call(Read("old"), 3, 4), call(Read("new"), 4.5, 5)]) is None
    assert first_impossible([*moved, call(Read("new"), 3, 4), call(Read("old"), 4.5, 5)]) == 3


def test_what_was_removed_does_not_come_back() -> None:
    history = [call(Write("a"), 0, 1), call(Remove("a"), 2, 3), call(Read(None), 4, 5), call(Read("a"), 6, 7)]
    assert first_impossible(history) == 3


def test_a_write_whose_answer_was_lost_may_take_effect_late_but_once() -> None:
    lost = [call(Write("a"), 0, 1), call(Write("b"), 2, NEVER)]
    assert first_impossible([*lost, call(Read("a"), 3, 4), call(Read("b"), 5, 6)]) is None
    assert first_impossible([*lost, call(Read("b"), 3, 4), call(Read("a"), 5, 6)]) == 3
    again = [call(Read("b"), 3, 4), call(Write("c"), 5, 6), call(Read("b"), 7, 8)]
    assert first_impossible([*lost, *again]) == 4


def test_many_lost_answers_do_not_make_it_slow() -> None:
    lost = [call(Write(f"value {number % 4}"), number, NEVER) for number in range(60)]
    reads = [call(Read(f"value {number % 4}"), 100 + number, 100.5 + number) for number in range(40)]
    assert first_impossible([*lost, *reads]) is None


def call(action: Action, began: float, ended: float) -> Call:
    return Call(action, began, ended)


def any_order_works(history: Sequence[Call]) -> bool:
    """Try each choice of the calls that never returned, in each order."""
    open_ = [call for call in history if call.ended == NEVER]
    returned = [call for call in history if call.ended != NEVER]
    return any(
        _is_possible(order)
        for size in range(len(open_) + 1)
        for chosen in itertools.combinations(open_, size)
        for order in itertools.permutations([*returned, *chosen])
    )


def _is_possible(order: Sequence[Call]) -> bool:
    if any(later.ended < earlier.began for earlier, later in itertools.combinations(order, 2)):
        return False
    values: set[Value] = {None}
    for each in order:
        values = {after for value in values for after in _outcomes(each.action, value)}
    return bool(values)


def _outcomes(action: Action, value: Value) -> list[Value]:
    """The specification of the register once more, in other words than the search has."""
    if isinstance(action, Write):
        return [action.value]
    if isinstance(action, Read):
        return [value] if action.value == value else []
    if isinstance(action, Remove):
        return [None] if action.value == value else []
    if isinstance(action, Clear):
        return [None] if value else []
    if isinstance(action, RemoveIf):
        return [None if action.value == value else value]
    return sorted({value, None}, key=str)
