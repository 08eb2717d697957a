"""Each check finds what is planted for it, and nothing in a history without fault."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.histories import checks, history
from tests.histories.history import Delivery, Heard, History, Kind, Operation, Place
from tests.histories.linearizable import NEVER

SOURCE, AWAY = Place("1", "eu-west-1", "team/api"), Place("1", "us-east-1", "team/api")
COPIES = {SOURCE: (AWAY,)}
OLD, NEW = "sha256:01", "sha256:02"


def seen(kind: Kind, began: float, heard: Heard = Heard.DONE, **facts: object) -> Operation:
    ended = NEVER if heard is Heard.UNKNOWN else began + 0.5
    return Operation(0, kind, **{"place": SOURCE, "began": began, "ended": ended, "heard": heard, **facts})  # type: ignore[arg-type]  # the facts of a test


def delivery(digest: str, sequence: int, **facts: object) -> Delivery:
    made = Delivery(f"delivery {sequence}", SOURCE, AWAY, digest, "1", (7, sequence), "complete", 1)
    return replace(made, **facts)  # type: ignore[arg-type]  # the facts of a test


# A tag is pushed and moved, pulled from both registries, and its copy is followed.
FLAWLESS = History(
    operations=(
        seen(Kind.PUT, 1, tag="1", digest=OLD),
        seen(Kind.READ_TAG, 2, tag="1", digest=OLD),
        seen(Kind.PULL, 2, digest=OLD),
        seen(Kind.PUT, 3, tag="1", digest=NEW),
        seen(Kind.READ_TAG, 4, tag="1", digest=NEW),
        seen(Kind.READ_DIGEST, 5, digest=OLD),
        seen(Kind.READ_DIGEST, 6, place=AWAY, digest=NEW),
        seen(Kind.PULL, 6, place=AWAY, digest=NEW),
    ),
    copies=COPIES,
    final={SOURCE: {"1": NEW}, AWAY: {"1": NEW}},
    deliveries=(delivery(OLD, 1), delivery(NEW, 2)),
    applied={(AWAY, "1"): (7, 2)},
    settled=("delivery 1", "delivery 2"),
)


def rules(flawed: History) -> set[str]:
    return {found.rule for found in checks.violations(flawed)}


def also(*operations: Operation) -> History:
    return replace(FLAWLESS, operations=(*FLAWLESS.operations, *operations))


def test_nothing_is_found_in_a_history_without_fault() -> None:
    assert checks.violations(FLAWLESS) == []


@pytest.mark.parametrize(
    "operations",
    [
        [seen(Kind.READ_TAG, 9, tag="1", digest=OLD)],
        [seen(Kind.PUT, 9, tag="2", digest=NEW), seen(Kind.READ_TAG, 10, Heard.ABSENT, tag="2")],
        [seen(Kind.DELETE_TAG, 9, tag="1", digest=NEW), seen(Kind.READ_TAG, 10, tag="1", digest=NEW)],
        [seen(Kind.DELETE_IMAGE, 9, digest=NEW), seen(Kind.READ_TAG, 10, tag="1", digest=NEW)],
        [seen(Kind.UNTAG, 9, tag="1"), seen(Kind.READ_TAG, 10, tag="1", digest=NEW)],
        [seen(Kind.DELETE_IMAGE, 9, digest=OLD), seen(Kind.READ_DIGEST, 10, digest=OLD)],
        [seen(Kind.UNTAG, 9, tag="1"), seen(Kind.READ_DIGEST, 10, Heard.ABSENT, digest=NEW)],
        [seen(Kind.PUT, 9, Heard.REFUSED, tag="1", digest=OLD), seen(Kind.READ_TAG, 10, tag="1", digest=OLD)],
        [seen(Kind.DELETE_IMAGE, 9, Heard.REFUSED, digest=NEW), seen(Kind.READ_DIGEST, 10, Heard.ABSENT, digest=NEW)],
    ],
    ids=[
        "a stale read after an acknowledged move",
        "a lost push",
        "a deleted tag that comes back",
        "a tag of a deleted image that comes back",
        "an untagged tag that comes back",
        "a deleted image that comes back",
        "an image that went with a tag that only it lost",
        "a push that was refused and took effect",
        "a deletion that was refused and took effect",
    ],
)
def test_what_no_order_explains_is_found(operations: list[Operation]) -> None:
    assert rules(also(*operations)) == {"no order explains it"}


def test_what_may_have_taken_effect_explains_what_is_read() -> None:
    lost = also(
        seen(Kind.DELETE_TAG, 9, Heard.UNKNOWN, tag="1"),
        seen(Kind.READ_TAG, 10, Heard.ABSENT, tag="1"),
        seen(Kind.READ_DIGEST, 11, Heard.ABSENT, digest=NEW),
    )
    assert rules(lost) == set()


def test_a_manifest_without_its_layers_is_found() -> None:
    assert rules(also(seen(Kind.PULL, 9, Heard.ABSENT, digest=NEW, said=("sha256:03",)))) == {"a partial image"}


def test_an_image_that_is_removed_while_it_is_pulled_is_no_fault() -> None:
    pulled = seen(Kind.PULL, 9, Heard.ABSENT, digest=NEW, said=("sha256:03",))
    assert rules(also(seen(Kind.DELETE_IMAGE, 9.2, digest=NEW), pulled)) == set()
    assert "a partial image" in rules(also(seen(Kind.DELETE_IMAGE, 9.2, digest=OLD), pulled))


def test_a_status_ahead_of_the_copy_is_found() -> None:
    absent = seen(Kind.READ_DIGEST, 9, Heard.ABSENT, place=AWAY, digest=OLD)
    assert rules(also(absent)) == {"a status ahead of the copy"}


def test_an_answer_that_no_client_should_hear_is_found() -> None:
    assert rules(also(seen(Kind.PUT, 9, Heard.WRONG, tag="1", digest=NEW, said=("500",)))) == {
        "an answer that no client should hear"
    }


def test_a_copy_that_stays_behind_is_found() -> None:
    assert rules(replace(FLAWLESS, final={SOURCE: {"1": NEW}, AWAY: {"1": OLD}})) == {"a copy that differs"}
    assert rules(replace(FLAWLESS, final={SOURCE: {"1": NEW}})) == {"a copy that differs"}


def test_a_tag_that_is_gone_at_the_source_may_stay_at_the_destination() -> None:
    removed = also(seen(Kind.UNTAG, 9, tag="1"))
    assert rules(replace(removed, final={SOURCE: {}, AWAY: {"1": NEW}})) == set()


@pytest.mark.parametrize("arrivals", [0, 2])
def test_a_delivery_that_did_not_take_effect_once_is_found(arrivals: int) -> None:
    flawed = replace(FLAWLESS, deliveries=(delivery(OLD, 1, arrivals=arrivals), delivery(NEW, 2)))
    assert rules(flawed) == {"a delivery did not take effect once"}


def test_a_delivery_that_was_settled_twice_is_found() -> None:
    assert rules(replace(FLAWLESS, settled=("delivery 1", "delivery 1"))) == {"a delivery was settled more than once"}


def test_an_older_position_that_counts_is_found() -> None:
    assert rules(replace(FLAWLESS, applied={(AWAY, "1"): (7, 1)})) == {"an older position counts"}


def test_a_delivery_fails_only_with_its_image() -> None:
    failed = (delivery(OLD, 1, state="failed", arrivals=0), delivery(NEW, 2))
    assert rules(replace(FLAWLESS, deliveries=failed)) == {"a delivery failed"}
    removed = also(seen(Kind.DELETE_IMAGE, 9, digest=OLD))
    assert rules(replace(removed, deliveries=failed)) == set()


def test_a_delivery_that_waits_for_ever_is_found() -> None:
    assert rules(replace(FLAWLESS, unsettled=("delivery 3",))) == {"a delivery was not settled in time"}


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    lost = also(seen(Kind.DELETE_TAG, 9, Heard.UNKNOWN, tag="1"))
    history.write(lost, tmp_path)
    assert tuple(history.read_operations(tmp_path)) == lost.operations
