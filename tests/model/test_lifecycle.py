"""What a lifecycle policy does, as a decision: ECR's examples, and what must hold for any policy and any images."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import NOW
from twinport.model.images import ImageStatus
from twinport.model.lifecycle import ORPHANS_STAY, Image, Plan, in_goes, looks_of, select
from twinport.model.lifecycle_policies import (
    ActionType,
    CountType,
    LifecyclePolicy,
    Rule,
    StorageClass,
    TagSelection,
    parse_policy,
)
from twinport.refusals.requests import InvalidParameter

DAY = timedelta(days=1)
NO_MARGIN = timedelta()
ARCHIVED, ACTIVATING = ImageStatus.ARCHIVED, ImageStatus.ACTIVATING


def image(name: str, *tags: str, days: float = 0, **facts: Any) -> Image:  # noqa: ANN401 — as the image takes them
    return Image(name, tuple(sorted(tags)), NOW - days * DAY, **facts)


def rule(priority: int = 1, **facts: Any) -> Rule:  # noqa: ANN401 — as above
    return replace(Rule(priority, TagSelection.ANY, CountType.MORE_THAN, 1, ActionType.EXPIRE), **facts)


def tagged(priority: int, *prefixes: str, **facts: Any) -> Rule:  # noqa: ANN401 — as above
    return rule(priority, tags=TagSelection.TAGGED, prefixes=prefixes, **facts)


def planned(images: Sequence[Image], *rules: Rule, margin: timedelta = NO_MARGIN) -> Plan:
    return select(LifecyclePolicy(tuple(sorted(rules, key=lambda each: each.priority)), ""), images, NOW, margin)


def acted(images: Sequence[Image], *rules: Rule) -> list[tuple[str, int | None]]:
    return [(action.image.digest, action.priority) for action in planned(images, *rules).actions]


def applied(images: Sequence[Image], plan: Plan) -> list[Image]:
    """Return what is left after a plan was carried out."""
    kinds = {action.image.digest: action.kind for action in plan.actions}
    left = [each for each in images if kinds.get(each.digest) is not ActionType.EXPIRE]
    return [replace(each, status=ARCHIVED, archived_at=NOW) if each.digest in kinds else each for each in left]


def expired(plan: Plan) -> set[str]:
    return {each.image.digest for each in plan.actions if each.kind is ActionType.EXPIRE}


# --- examples ---------------------------------------------------------------------------------------------

A, B, C = (
    image("a", "beta-1", "prod-1", days=10),
    image("b", "beta-2", "prod-2", days=9),
    image("c", "beta-3", days=8),
)


def test_an_image_that_a_rule_keeps_is_safe_from_the_rules_after_it() -> None:
    assert acted([A, B, C], tagged(1, "prod"), tagged(2, "beta")) == [("a", 1)]


def test_a_rule_counts_the_images_that_belong_to_a_rule_before_it() -> None:
    assert acted([A, B, C], tagged(1, "beta"), tagged(2, "prod")) == [("a", 1), ("b", 1)]


def test_every_prefix_must_match_one_of_the_tags() -> None:
    images = [image("a", "alpha-1", days=2), image("b", "alpha-2", "beta-2", days=3), image("c", "alpha-3", "beta-3")]
    assert acted(images, tagged(1, "alpha", "beta")) == [("b", 1)]


def test_every_pattern_must_match_one_of_the_tags() -> None:
    images = [image("a", "alpha-x-1", days=2), image("b", "x-2", "y", days=3), image("c", "1-x-3", "y")]
    patterns = rule(1, tags=TagSelection.TAGGED, patterns=("*x*", "y"))
    assert acted(images, patterns) == [("b", 1)]


def test_untagged_images_are_those_without_tags() -> None:
    assert acted([image("a", days=2), image("b", "v", days=3), image("c")], rule(tags=TagSelection.UNTAGGED)) == [
        ("a", 1)
    ]


@pytest.mark.parametrize(("days", "goes"), [(14.0, False), (14.01, True)])
def test_an_image_expires_when_it_is_older_than_the_days(days: float, goes: bool) -> None:  # noqa: FBT001 — a case
    found = acted([image("a", days=days)], rule(count_type=CountType.SINCE_PUSHED, count=14))
    assert bool(found) is goes


def test_a_restored_image_is_as_old_as_its_restore() -> None:
    restored = image("a", days=30, activated_at=NOW - DAY)
    assert acted([restored], rule(count_type=CountType.SINCE_PUSHED, count=14)) == []
    assert acted([restored, image("b", days=2)], rule()) == [("b", 1)]


def test_an_image_that_was_never_pulled_counts_from_its_push_and_a_restored_one_from_its_restore() -> None:
    pulled = rule(count_type=CountType.SINCE_PULLED, count=14, action=ActionType.TRANSITION)
    images = [
        image("a", days=20),
        image("b", days=20, pulled_at=NOW - DAY),
        image("c", days=40, pulled_at=NOW - 30 * DAY, activated_at=NOW - DAY),
        image("d", days=40, pulled_at=NOW - 30 * DAY, activated_at=NOW - 20 * DAY),
    ]
    assert acted(images, pulled) == [("a", 1), ("d", 1)]


def test_a_pull_that_may_not_be_recorded_yet_counts() -> None:
    pulled = rule(count_type=CountType.SINCE_PULLED, count=14, action=ActionType.TRANSITION)
    images = [image("a", days=20, pulled_at=NOW - 14.01 * DAY)]
    assert planned(images, pulled, margin=timedelta(hours=1)).actions == ()
    assert len(planned(images, pulled).actions) == 1


def test_archived_images_expire_by_their_time_in_the_archive_alone() -> None:
    images = [
        image("a", days=200, status=ARCHIVED, archived_at=NOW - 100 * DAY),
        image("b", days=200, status=ARCHIVED, archived_at=NOW - 80 * DAY),
        image("c", days=200),
    ]
    archived = rule(2, count_type=CountType.SINCE_TRANSITIONED, count=90, storage=StorageClass.ARCHIVE)
    assert acted(images, archived, rule(1)) == [("a", 2)]


def test_an_image_that_is_being_restored_is_left_alone() -> None:
    assert acted([image("a", days=3, status=ACTIVATING), image("b")], rule()) == []


def test_a_part_of_an_index_goes_only_with_the_index_and_after_it() -> None:
    part, index = image("part", days=9), image("index", "v1", days=1, parts=("part",))
    untagged = rule(1, tags=TagSelection.UNTAGGED, count_type=CountType.SINCE_PUSHED, count=5)
    assert acted([part, index], untagged) == []
    old = tagged(2, "v", count_type=CountType.SINCE_PUSHED, count=5)
    assert acted([part, replace(index, pushed_at=NOW - 8 * DAY)], untagged, old) == [("index", 2), ("part", 1)]


def test_a_part_may_be_archived_with_its_index_or_after_it_and_expires_with_neither() -> None:
    index = image("index", "v1", days=9, parts=("part",), status=ARCHIVED, archived_at=NOW - DAY)
    part = image("part", days=9)
    old = {"tags": TagSelection.UNTAGGED, "count_type": CountType.SINCE_PUSHED, "count": 5}
    assert acted([part, index], rule(1, **old, action=ActionType.TRANSITION)) == [("part", 1)]
    assert acted([part, index], rule(1, **old)) == []


def test_referrers_go_with_their_subject_and_are_not_counted() -> None:
    subject, other = image("subject", "v1", days=3), image("other", "v2", days=2)
    signature = image("signature", days=1, subject="subject")
    of_signature = image("of-signature", days=1, subject="signature")
    kept = image("kept", days=9, subject="other")
    assert acted([subject, other, signature, of_signature, kept], rule()) == [
        ("subject", 1),
        ("signature", 1),
        ("of-signature", 1),
    ]


def test_referrers_of_an_archived_image_follow_it_into_the_archive() -> None:
    subject = image("subject", "v1", status=ARCHIVED, archived_at=NOW)
    plan = planned([subject, image("signature", subject="subject")], rule(count=5))
    assert [(each.image.digest, each.kind, each.priority) for each in plan.actions] == [
        ("signature", ActionType.TRANSITION, None)
    ]


@pytest.mark.parametrize(("days", "tags", "goes"), [(0.9, (), False), (1.1, (), True), (1.1, ("kept",), False)])
def test_an_untagged_referrer_whose_subject_is_gone_goes_a_day_after_its_push(
    days: float,
    tags: tuple[str, ...],
    goes: bool,  # noqa: FBT001 — a case
) -> None:
    orphan = image("orphan", *tags, days=days, subject="gone")
    assert acted([orphan], rule(count=5)) == ([("orphan", None)] if goes else [])


def test_an_index_whose_subject_is_its_own_part_stays() -> None:
    part = image("part", "v1", days=9)
    index = image("index", days=8, parts=("part",), subject="part")
    assert acted([part, index], rule(count_type=CountType.SINCE_PUSHED, count=5)) == []


# --- properties -------------------------------------------------------------------------------------------

TAGS = ("prod-1", "prod-2", "beta-1", "beta-2", "latest")


@st.composite
def repositories(draw: st.DrawFn) -> list[Image]:
    """Make images, some of them indexes of earlier ones or referrers to them."""
    images: list[Image] = []
    free = list(TAGS)
    for number in range(draw(st.integers(0, 9))):
        images.append(_any_image(draw, f"i{number}", images, free))
    return images


def _any_image(draw: st.DrawFn, name: str, others: Sequence[Image], free: list[str]) -> Image:
    tags = draw(st.lists(st.sampled_from(free), unique=True, max_size=2)) if free else []
    for tag in tags:
        free.remove(tag)
    plain = [each.digest for each in others if each.subject is None]
    is_referrer = bool(others) and draw(st.booleans())
    status = draw(st.sampled_from(ImageStatus))
    days = st.floats(0, 200).map(lambda count: NOW - count * DAY)
    return Image(
        digest=name,
        tags=tuple(sorted(tags)),
        pushed_at=draw(days),
        status=status,
        archived_at=draw(days) if status is not ImageStatus.ACTIVE else None,
        activated_at=draw(st.none() | days),
        pulled_at=draw(st.none() | days),
        subject=draw(st.sampled_from([*(each.digest for each in others), "gone"])) if is_referrer else None,
        parts=()
        if is_referrer or not plain
        else tuple(draw(st.lists(st.sampled_from(plain), unique=True, max_size=3))),
    )


@st.composite
def policies(draw: st.DrawFn) -> LifecyclePolicy:
    """Make a policy that is valid, whose rules come in any order of priority."""
    rules = draw(st.lists(st.one_of(_standard(), _archived()), min_size=1, max_size=4))
    numbered = [replace(each, priority=number) for number, each in enumerate(rules, 1)]
    last = [each for each in numbered if each.tags is TagSelection.ANY][:2]
    ordered = [each for each in numbered if each.tags is not TagSelection.ANY] + last
    return LifecyclePolicy(tuple(replace(each, priority=number) for number, each in enumerate(ordered, 1)), "")


def _standard() -> st.SearchStrategy[Rule]:
    kinds = (CountType.MORE_THAN, CountType.SINCE_PUSHED, CountType.SINCE_PULLED)
    return st.builds(_rule, st.sampled_from(TagSelection), st.sampled_from(kinds), st.integers(1, 5), st.booleans())


def _archived() -> st.SearchStrategy[Rule]:
    kind = st.just(CountType.SINCE_TRANSITIONED)
    return st.builds(_rule, st.sampled_from(TagSelection), kind, st.integers(90, 120), st.just(value=False))


def _rule(tags: TagSelection, kind: CountType, count: int, archives: bool) -> Rule:  # noqa: FBT001 — drawn
    archives = archives or kind is CountType.SINCE_PULLED
    return rule(
        tags=tags,
        count_type=kind,
        count=count,
        action=ActionType.TRANSITION if archives else ActionType.EXPIRE,
        patterns=("*prod*",) if tags is TagSelection.TAGGED else (),
        storage=StorageClass.ARCHIVE if kind is CountType.SINCE_TRANSITIONED else StorageClass.STANDARD,
    )


def owner(policy: LifecyclePolicy, each: Image) -> Rule | None:
    """Return the first rule that looks at an image: no other may act on it."""
    return next((one for one in policy.rules if one.storage is each.storage and one.looks_at(each.tags)), None)


@given(policies(), repositories())
def test_only_the_first_rule_that_looks_at_an_image_acts_on_it(policy: LifecyclePolicy, images: list[Image]) -> None:
    for action in select(policy, images, NOW, NO_MARGIN).actions:
        if action.image.subject is None:
            first = owner(policy, action.image)
            assert first is not None
            assert (action.priority, action.kind) == (first.priority, first.action)


@given(policies(), repositories())
def test_what_a_rule_keeps_stays_whatever_the_rules_after_it_say(policy: LifecyclePolicy, images: list[Image]) -> None:
    plan = select(policy, images, NOW, NO_MARGIN)
    acted_on = {action.image.digest for action in plan.actions}
    for priority, kept in plan.kept.items():
        own = [each for each in kept if (first := owner(policy, each)) is not None and first.priority == priority]
        assert not acted_on & {each.digest for each in own}


@given(policies(), repositories(), st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(policy: LifecyclePolicy, images: list[Image], chance: Any) -> None:  # noqa: ANN401
    mixed = list(images)
    chance.shuffle(mixed)
    assert select(policy, mixed, NOW, NO_MARGIN) == select(policy, images, NOW, NO_MARGIN)


@given(policies(), repositories())
def test_a_policy_that_was_carried_out_has_nothing_more_to_do(policy: LifecyclePolicy, images: list[Image]) -> None:
    left = applied(images, select(policy, images, NOW, NO_MARGIN))
    again = select(policy, left, NOW, NO_MARGIN)
    # What was archived just now may let its referrers or its parts follow; nothing more is deleted.
    assert [each for each in again.actions if each.kind is ActionType.EXPIRE] == []


@given(policies(), repositories(), st.integers(1, 3))
def test_a_run_that_ends_anywhere_and_begins_again_does_what_the_whole_run_does(
    policy: LifecyclePolicy, images: list[Image], taken: int
) -> None:
    """Except that a referrer whose subject went before the end goes within a day, as every orphan does."""
    whole = expired(select(policy, images, NOW, NO_MARGIN))
    left: list[Image] = images
    gone: set[str] = set()
    while (plan := select(policy, left, NOW, NO_MARGIN)).actions:
        part = Plan(plan.actions[:taken])
        gone |= expired(part)
        left = applied(left, part)
    late = {each.digest for each in images if each.subject is not None}
    assert gone <= whole
    assert whole - gone <= late


@given(policies(), repositories())
def test_every_prefix_of_a_plan_leaves_a_sound_repository(policy: LifecyclePolicy, images: list[Image]) -> None:
    """No index is left without a part that it had, no referrer without its subject, and no active index with it."""
    had = {each.digest for each in images}
    plan = select(policy, images, NOW, NO_MARGIN)
    for count in range(len(plan.actions) + 1):
        left = {each.digest: each for each in applied(images, Plan(plan.actions[:count]))}
        for each in left.values():
            assert {part for part in each.parts if part in had} <= left.keys()


@given(policies(), repositories())
def test_images_that_are_being_restored_are_left_alone(policy: LifecyclePolicy, images: list[Image]) -> None:
    plan = select(policy, images, NOW, NO_MARGIN)
    assert all(action.image.status is not ACTIVATING for action in plan.actions)


# A referrer of an image that is being restored stays with it, although what that image refers to goes.
_HELD = [
    Image("i1", (), NOW - timedelta(days=2), subject="gone"),
    Image("i2", (), NOW, ACTIVATING, archived_at=NOW, subject="i1"),
    Image("i3", (), NOW, subject="i2"),
]


@given(repositories())
@example(_HELD)
def test_an_orphan_stays_for_a_day(images: list[Image]) -> None:
    """What refers to an orphan goes with it, however young, as every referrer goes with its subject."""
    plan = select(LifecyclePolicy((), ""), images, NOW, NO_MARGIN)
    going = {action.image.digest for action in plan.actions if action.kind is ActionType.EXPIRE}
    for image in images:
        if image.digest in going and image.subject not in going:
            assert image.subject not in {each.digest for each in images}
            assert NOW - image.began_at > ORPHANS_STAY


# --- the text ---------------------------------------------------------------------------------------------


def text(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": rules})


def written(priority: int = 1, action: Any = None, **selection: Any) -> dict[str, Any]:  # noqa: ANN401 — as JSON has it
    chosen = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1} | selection
    return {"rulePriority": priority, "selection": chosen, "action": action or {"type": "expire"}}


DAYS = {"countUnit": "days"}
TRANSITION = {"type": "transition", "targetStorageClass": "archive"}


@pytest.mark.parametrize(
    ("rules", "constraint"),
    [
        ([], "array is too short"),
        ([written(number) for number in range(1, 52)], "array is too long: must have at most 50 elements"),
        ([written(1), written(1, tagStatus="untagged")], "Rule priorities must be unique."),
        ([written(1, tagStatus="tagged", tagPrefixList=["a"], tagPatternList=["b"])], "but not both"),
        ([written(1, tagStatus="tagged", tagPrefixList=[])], "array is too short"),
        ([written(1, tagStatus="tagged", tagPrefixList=[""])], "is too short"),
        ([written(1, tagStatus="tagged", tagPatternList=["*a*b*c*d*"])], "at most 4 wildcards"),
        ([written(1, tagStatus="untagged", tagPrefixList=["a"])], "must be omitted"),
        ([written(n, tagStatus="tagged", tagPrefixList=["a"]) for n in (1, 2)], "unique sets"),
        ([written(1, countType="sinceImagePushed")], "matched 0 out of 2"),
        ([written(1, countType="sinceImagePushed", countUnit="hours")], "not found in enum"),
        ([written(1, countType="no")], "matched 0 out of 2"),
        ([written(1, countType="sinceImagePulled", **DAYS)], "only supported with action type TRANSITION"),
        ([written(1, countType="sinceImageTransitioned", **DAYS)], "storageClass must be archive"),
        ([written(1, storageClass="archive")], "storageClass must be standard"),
        (
            [written(1, countType="sinceImageTransitioned", storageClass="archive", countNumber=89, **DAYS)],
            "(minimum: 90, found: 89)",
        ),
        (
            [
                written(
                    1, TRANSITION, countType="sinceImageTransitioned", storageClass="archive", countNumber=90, **DAYS
                )
            ],
            "can only be expired",
        ),
        ([written(1, countNumber=True)], "instance type (boolean)"),
        ([written(1, countNumber=1.5)], "instance type (number)"),
        ([written(1, countNumber=1 << 31)], "Could not map"),
        ([written(1) | {"description": 1}], "instance type (integer)"),
        ([1], "instance type (integer) does not match any allowed primitive type"),
    ],
)
def test_rules_that_are_wrong_are_refused(rules: list[Any], constraint: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        parse_policy(json.dumps({"rules": rules}))
    assert constraint in refusal.value.constraint


@pytest.mark.parametrize(
    "given_text", ["", "{", "[" * 30_000, '{"rules":[],"rules":[]}', '{"rules":NaN}', '{"rules":"\\ud800"}']
)
def test_what_is_no_json_is_no_policy(given_text: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        parse_policy(given_text)
    assert "Could not map policyString into LifecyclePolicy." in refusal.value.constraint


def test_an_entry_that_is_given_twice_is_compared_once_and_all_rules_have_a_hundred_together() -> None:
    given_text = text(written(1, tagStatus="tagged", tagPatternList=["*"] * 5000))
    policy = parse_policy(given_text)
    assert policy.rules[0].patterns == ("*",)
    assert json.loads(policy.text) == json.loads(given_text), "it is returned as it was given"
    rules = [
        written(n, tagStatus="tagged", tagPrefixList=[f"{n}-{each}" for each in range(size)])
        for n, size in ((1, 50), (2, 51))
    ]
    with pytest.raises(InvalidParameter) as refusal:
        parse_policy(text(*rules))
    assert "at most 100 tag prefixes and tag patterns" in refusal.value.constraint


def test_rules_for_both_storage_classes_stand_together() -> None:
    archived = written(3, countType="sinceImageTransitioned", storageClass="archive", countNumber=90, **DAYS)
    policy = parse_policy(text(archived, written(1, TRANSITION, countType="sinceImagePulled", **DAYS)))
    assert [each.priority for each in policy.rules] == [1, 3]
    assert parse_policy(policy.text).text == policy.text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["rules", "rulePriority", "selection", "action", "tagStatus", "countType", "countNumber", "type"]
                )
                | st.text(),
                inner,
            )
        ),
    )
)
def test_any_json_is_a_policy_or_is_refused(document: object) -> None:
    for whole in (document, {"rules": document}, {"rules": [document]}):
        try:
            parse_policy(json.dumps(whole))
        except InvalidParameter:
            continue


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 60))
def test_one_go_compares_no_more_than_it_may_and_all_goes_decide_as_one(counts: list[int], most: int) -> None:
    rules = (tagged(1, "a1", "b"), tagged(2, "a", count=3), rule(3))
    policy = LifecyclePolicy(rules, "")
    images = [image(f"i{number}", *[f"a{tag}" for tag in range(count)]) for number, count in enumerate(counts)]
    goes = list(in_goes(policy, images, most))
    assert [each for go in goes for each in go] == images
    for go in goes:
        assert len(go) == 1 or sum(1 + 3 * len(each.tags) for each in go) <= most
    looks = {digest: bits for go in goes for digest, bits in looks_of(policy, go).items()}
    assert select(policy, images, NOW, NO_MARGIN, looks) == select(policy, images, NOW, NO_MARGIN)
