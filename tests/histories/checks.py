"""What a history must not show. Each check is pure, and finds what is planted for it: test_checks.py."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.histories import linearizable
from tests.histories.history import Heard, History, Kind, Operation, Place, of_kind
from tests.histories.linearizable import Action, Call, Clear, MayClear, Read, Remove, RemoveIf, TooHard, Write

Key = TypeVar("Key")
PRESENT = "present"
_REMOVALS = (Kind.DELETE_TAG, Kind.DELETE_IMAGE)


@dataclass(frozen=True, slots=True)
class Violation:
    """What was wrong, and the operations that show it."""

    rule: str
    what: str
    shown_by: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        return "\n".join((f"{self.rule}: {self.what}", *(f"    {each}" for each in self.shown_by)))


def violations(history: History) -> list[Violation]:
    """Return everything that a history must not show."""
    checks: Sequence[Callable[[History], Iterable[Violation]]] = (
        wrong_answers,
        tags_in_no_order,
        images_in_no_order,
        partial_images,
        statuses_ahead,
        failures_without_a_removal,
        copies_that_differ,
        effects_more_than_once,
        never_settled,
    )
    return [found for check in checks for found in check(history)]


def wrong_answers(history: History) -> Iterator[Violation]:
    for each in history.operations:
        if each.heard is Heard.WRONG:
            yield Violation("an answer that no client should hear", " ".join(each.said), (each,))


# --- registers --------------------------------------------------------------------------------------------


def tags_in_no_order(history: History) -> Iterator[Violation]:
    """A tag is a register: pushes write it, pulls read it, deletions of it or of its image empty it."""
    by_repository = _by(history.operations, lambda each: each.place)
    for place in history.copies:
        operations = by_repository[place]
        by_tag = _by(operations, lambda each: each.tag)
        of_images = of_kind(operations, Kind.DELETE_IMAGE)
        for tag, mine in by_tag.items():
            if tag is not None:
                yield from _in_no_order(f"tag '{tag}' of {place}", [*mine, *of_images], _on_tag)


def images_in_no_order(history: History) -> Iterator[Violation]:
    """An image is there or not: pushes store it, deletions take it, and the deletion of a tag may."""
    by_repository = _by(history.operations, lambda each: each.place)
    for place in history.copies:
        operations = by_repository[place]
        removals = [each for each in of_kind(operations, Kind.DELETE_TAG) if each.heard is Heard.UNKNOWN]
        by_digest = _by(operations, lambda each: each.digest)
        for digest, mine in by_digest.items():
            if digest is not None:
                unknown = [each for each in removals if each not in mine]
                yield from _in_no_order(f"image {digest} of {place}", [*mine, *unknown], _on_image)


def _in_no_order(
    what: str, operations: Sequence[Operation], action_of: Callable[[Operation], Action | None]
) -> Iterator[Violation]:
    calls = [(each, action) for each in operations if (action := action_of(each)) is not None]
    try:
        first = linearizable.first_impossible([Call(action, each.began, each.ended) for each, action in calls])
    except TooHard:
        yield Violation("undecided", f"{what} has too many orders to try")
        return
    if first is not None:
        culprit = calls[first][0]
        before = [each for each, _ in calls if each.began <= culprit.ended and each.ended >= culprit.began - 5]
        shown = sorted((each for each in before if each != culprit), key=lambda each: each.began)
        yield Violation("no order explains it", f"{what}: {culprit}", tuple(shown))


def _on_tag(each: Operation) -> Action | None:
    """What an operation is to the tag that it names, or to any tag if it removes an image."""
    meaning = _ON_TAG.get((each.kind, each.heard))
    return None if meaning is None else meaning(each.digest or "")


def _on_image(each: Operation) -> Action | None:
    """What an operation is to the image that it names or hears of."""
    meaning = _ON_IMAGE.get((each.kind, each.heard))
    return None if meaning is None else meaning(PRESENT)


_Meanings = Mapping[tuple[Kind, Heard], Callable[[str], Action]]

_ON_TAG: _Meanings = {
    (Kind.PUT, Heard.DONE): Write,
    (Kind.PUT, Heard.UNKNOWN): Write,
    (Kind.READ_TAG, Heard.DONE): Read,
    (Kind.READ_TAG, Heard.ABSENT): lambda _: Read(None),
    (Kind.UNTAG, Heard.DONE): lambda _: Clear(),
    (Kind.UNTAG, Heard.ABSENT): lambda _: Read(None),
    (Kind.UNTAG, Heard.UNKNOWN): lambda _: MayClear(),
    (Kind.DELETE_TAG, Heard.DONE): Remove,
    (Kind.DELETE_TAG, Heard.ABSENT): lambda _: Read(None),
    (Kind.DELETE_TAG, Heard.UNKNOWN): lambda _: MayClear(),
    (Kind.DELETE_IMAGE, Heard.DONE): RemoveIf,
    (Kind.DELETE_IMAGE, Heard.UNKNOWN): RemoveIf,
}
_ON_IMAGE: _Meanings = {
    (Kind.PUT, Heard.DONE): Write,
    (Kind.PUT, Heard.UNKNOWN): Write,
    (Kind.READ_TAG, Heard.DONE): Read,
    (Kind.READ_DIGEST, Heard.DONE): Read,
    (Kind.READ_DIGEST, Heard.ABSENT): lambda _: Read(None),
    (Kind.DELETE_TAG, Heard.DONE): lambda _: MayClear(),
    (Kind.DELETE_TAG, Heard.UNKNOWN): lambda _: MayClear(),
    (Kind.DELETE_IMAGE, Heard.DONE): Remove,
    (Kind.DELETE_IMAGE, Heard.ABSENT): lambda _: Read(None),
    (Kind.DELETE_IMAGE, Heard.UNKNOWN): RemoveIf,
}


# --- images -----------------------------------------------------------------------------------------------


def partial_images(history: History) -> Iterator[Violation]:
    """A client that gets a manifest gets everything that it names, unless a client removes the image meanwhile."""
    removals = _by(of_kind(history.operations, *_REMOVALS), lambda each: each.place)
    for pull in of_kind(history.operations, Kind.PULL):
        if pull.heard is Heard.ABSENT and not any(_may_explain(each, pull) for each in removals[pull.place]):
            yield Violation("a partial image", f"{pull.digest} of {pull.place} lacks {' '.join(pull.said)}", (pull,))


def _may_explain(removal: Operation, pull: Operation) -> bool:
    """Tell whether a removal may have taken an image while it was pulled. What it took is not always known."""
    took = removal.digest in (None, pull.digest) and removal.heard in (Heard.DONE, Heard.UNKNOWN)
    return took and removal.began <= pull.ended and removal.ended >= pull.began


def statuses_ahead(history: History) -> Iterator[Violation]:
    """What a status calls complete can be pulled at the destination. No client removes anything there."""
    for each in of_kind(history.operations, Kind.READ_DIGEST):
        if each.heard is Heard.ABSENT and each.place not in history.copies:
            yield Violation("a status ahead of the copy", f"{each.digest} of {each.place} is not there", (each,))


def failures_without_a_removal(history: History) -> Iterator[Violation]:
    """A delivery fails only if its image was removed before it was carried."""
    removed = {
        (each.place, each.digest)
        for each in of_kind(history.operations, *_REMOVALS)
        if each.heard in (Heard.DONE, Heard.UNKNOWN)
    }
    for each in history.deliveries:
        gone = {(each.source, each.digest), (each.source, None)} & removed
        if each.state == "failed" and not gone:
            yield Violation("a delivery failed", f"{each} and no client removed its image")


def copies_that_differ(history: History) -> Iterator[Violation]:
    """In the end each tag names at every destination what it names at the source."""
    for source, destinations in history.copies.items():
        for destination in destinations:
            there = history.final.get(destination, {})
            for tag, digest in history.final.get(source, {}).items():
                if there.get(tag) != digest:
                    what = f"tag '{tag}' of {source} names {digest}, and at {destination} {there.get(tag)}"
                    yield Violation("a copy that differs", what)


def effects_more_than_once(history: History) -> Iterator[Violation]:
    """What was delivered arrived once, was settled once, and the newest of a tag's positions is the one that counts.

    What has no tag may have come along with the index that contains it.
    """
    newest: dict[tuple[Place, str], tuple[int, int]] = {}
    for each in history.deliveries:
        came_along = each.tag is None and each.arrivals == 0
        if each.arrivals > 1 or (each.state == "complete" and each.arrivals != 1 and not came_along):
            yield Violation("a delivery did not take effect once", f"{each}")
        if each.arrivals and each.tag is not None:
            tag = (each.destination, each.tag)
            newest[tag] = max(newest.get(tag, each.position), each.position)
    for (place, name), position in newest.items():
        if (applied := history.applied.get((place, name))) != position:
            yield Violation("an older position counts", f"'{name}' of {place}: {applied} instead of {position}")
    for delivery, times in Counter(history.settled).items():
        if times > 1:
            yield Violation("a delivery was settled more than once", f"{delivery}: {times} times")


def never_settled(history: History) -> Iterator[Violation]:
    for what in history.unsettled:
        yield Violation("a delivery was not settled in time", what)


def _by(operations: Iterable[Operation], key: Callable[[Operation], Key]) -> defaultdict[Key, list[Operation]]:
    grouped: defaultdict[Key, list[Operation]] = defaultdict(list)
    for each in operations:
        grouped[key(each)].append(each)
    return grouped
