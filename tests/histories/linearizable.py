"""Could these calls have happened one after the other, each between its beginning and its end?

The search goes through the calls in time and keeps every state that the register may be in, with the calls under way
that have taken effect in it: Wing and Gong's search, as Lowe's "just in time" variant orders it. A call takes effect no
later than it must, which is when it returns; a read takes effect as soon as it can, since it changes nothing.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

Value = str | None

NEVER = math.inf
# More than any honest history of a few seconds and a dozen clients needs.
MOST_CONFIGURATIONS = 200_000


@dataclass(frozen=True, slots=True)
class Write:
    """Afterwards the register holds this value."""

    value: str


@dataclass(frozen=True, slots=True)
class Read:
    """The register held this value, or none."""

    value: Value


@dataclass(frozen=True, slots=True)
class Remove:
    """The register held this value, and none afterwards."""

    value: str


@dataclass(frozen=True, slots=True)
class Clear:
    """The register held some value, and none afterwards."""


@dataclass(frozen=True, slots=True)
class RemoveIf:
    """If the register held this value, it holds none afterwards."""

    value: str


@dataclass(frozen=True, slots=True)
class MayClear:
    """The register holds none afterwards, or what it held."""


Action = Write | Read | Remove | Clear | RemoveIf | MayClear


@dataclass(frozen=True, slots=True)
class Call:
    """Something that was asked of the register. One whose end was not seen never ends: it may still take effect."""

    action: Action
    began: float
    ended: float


class TooHard(Exception):
    """The search would not end in reasonable time; the history says neither yes nor no."""


@dataclass(frozen=True, slots=True)
class _Configuration:
    """What the register may hold, and which calls have taken effect: those that return, and those that never do."""

    value: Value
    done: frozenset[int] = frozenset()
    spent: frozenset[int] = frozenset()


class _Configurations:
    """A set without what another member makes needless, which is equal but has spent fewer calls that never return."""

    def __init__(self, members: Iterable[_Configuration]) -> None:
        self._size = 0
        self._spent: dict[tuple[Value, frozenset[int]], list[frozenset[int]]] = {}
        for each in members:
            self.add(each)

    def add(self, new: _Configuration) -> bool:
        """Tell whether this one was needed. Raises TooHard."""
        alike = self._spent.setdefault((new.value, new.done), [])
        if any(spent <= new.spent for spent in alike):
            return False
        self._size += 1
        if self._size > MOST_CONFIGURATIONS:
            raise TooHard
        alike[:] = [*(spent for spent in alike if not new.spent <= spent), new.spent]
        return True

    def __iter__(self) -> Iterator[_Configuration]:
        for (value, done), alike in self._spent.items():
            for spent in alike:
                yield _Configuration(value, done, spent)


def first_impossible(calls: Sequence[Call], initial: Value = None) -> int | None:
    """Return the first call that no order explains, by its number; None if there is an order. Raises TooHard."""
    pending: dict[int, Call] = {}
    configurations = _Configurations([_Configuration(initial)])
    for _, is_end, number in sorted(_moments(calls)):
        if is_end:
            configurations = _returned(configurations, number, pending)
            if not any(True for _ in configurations):
                return number
            del pending[number]
        else:
            pending[number] = calls[number]
            configurations = _Configurations(_with_reads(each, pending) for each in configurations)
    return None


def _moments(calls: Sequence[Call]) -> Iterable[tuple[float, bool, int]]:
    """The beginnings and ends; of one moment the beginnings first, which makes the calls overlap."""
    for number, call in enumerate(calls):
        yield call.began, False, number
        if call.ended != NEVER:
            yield call.ended, True, number


def _returned(before: _Configurations, number: int, pending: dict[int, Call]) -> _Configurations:
    """Let a call have taken effect by now, after as many others as that takes."""
    reached = [each for each in before if number in each.done]
    # The fewest first: what spends more is then mostly needless.
    todo, seen = deque(each for each in before if number not in each.done), _Configurations(before)
    while todo:
        for following in _successors(todo.popleft(), pending):
            if seen.add(following):
                (reached if number in following.done else todo).append(following)
    return _Configurations(_Configuration(each.value, each.done - {number}, each.spent) for each in reached)


def _successors(configuration: _Configuration, pending: dict[int, Call]) -> Iterable[_Configuration]:
    """Let one more of the calls under way take effect."""
    value, done, spent = configuration.value, configuration.done, configuration.spent
    tried: set[Action] = set()
    for number, call in pending.items():
        if number in done or number in spent or isinstance(call.action, Read):
            continue
        if call.ended != NEVER:
            following = [_Configuration(after, done | {number}, spent) for after in _after(call.action, value)]
        elif call.action not in tried:
            # Of calls that do the same and never return it is of no account which one was it.
            tried.add(call.action)
            following = [_Configuration(after, done, spent | {number}) for after in _after(call.action, value)]
        else:
            continue
        yield from (_with_reads(each, pending) for each in following)


def _with_reads(configuration: _Configuration, pending: dict[int, Call]) -> _Configuration:
    read = {
        number
        for number, call in pending.items()
        if isinstance(call.action, Read) and call.action.value == configuration.value
    }
    return replace(configuration, done=configuration.done | read) if read else configuration


def _after(action: Action, value: Value) -> tuple[Value, ...]:
    """What the register may hold afterwards; nothing at all if this cannot happen now."""
    match action:
        case Write(value=written):
            return (written,)
        case Read(value=wanted):
            return (value,) if value == wanted else ()
        case Remove(value=wanted):
            return (None,) if value == wanted else ()
        case Clear():
            return () if value is None else (None,)
        case RemoveIf(value=wanted):
            return (None,) if value == wanted else (value,)
        case MayClear():
            return (value,) if value is None else (value, None)
