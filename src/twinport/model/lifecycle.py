"""What a lifecycle policy does to the images of a repository: a pure function of the policy, the images, and the time.

Each image belongs to the first rule, in the order of priority, whose selection includes it, whatever that rule then
does. Each rule counts every image that its selection includes, also those that belong to a rule before it. So an image
that a rule keeps is safe from every rule after it.

A referrer, which names another image of the repository as its subject, belongs to no rule and is not counted: it goes
where its subject goes. A part of an index goes only with the index or after it. See
docs/decisions/0042-lifecycle-policies.md.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from twinport.model.images import ImageStatus
from twinport.model.lifecycle_policies import ActionType, CountType, LifecyclePolicy, Rule, StorageClass

# A referrer whose subject is gone stays this long after its push: a client may push it before its subject.
ORPHANS_STAY = timedelta(hours=24)
_MOST_DAYS = timedelta.max.days


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a policy sees it; tags are sorted.

    `parts` are the digests that an index contains. They follow from its digest, so two images are equal without them.
    """

    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime
    status: ImageStatus = ImageStatus.ACTIVE
    archived_at: datetime | None = None
    activated_at: datetime | None = None
    pulled_at: datetime | None = None
    subject: str | None = None
    parts: tuple[str, ...] = field(default=(), compare=False)

    @property
    def began_at(self) -> datetime:
        """Return when its present life began: it was pushed, or restored from the archive."""
        return self.activated_at or self.pushed_at

    @property
    def storage(self) -> StorageClass:
        return StorageClass.ARCHIVE if self.status is ImageStatus.ARCHIVED else StorageClass.STANDARD


@dataclass(frozen=True, slots=True)
class Action:
    """What happens to an image. `priority` is that of the rule; none applies to what follows an earlier deletion."""

    image: Image
    kind: ActionType
    priority: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in the order in which they are taken: older images before newer ones, an index before its parts.

    `kept` has, by the priority of each rule that counts images and acts on some, the images that fill its count.
    """

    actions: tuple[Action, ...] = ()
    kept: Mapping[int, tuple[Image, ...]] = field(default_factory=dict)


def in_goes(policy: LifecyclePolicy, images: Sequence[Image], most: int) -> Iterator[Sequence[Image]]:
    """Cut images into parts, for each of which `looks_of` compares a tag with an entry at most `most` times.

    A part has at least one image, whatever it takes.
    """
    entries = sum(len(rule.prefixes) + len(rule.patterns) for rule in policy.rules)
    first, spent = 0, 0
    for number, image in enumerate(images):
        takes = 1 + len(image.tags) * entries
        if spent + takes > most and number > first:
            yield images[first:number]
            first, spent = number, 0
        spent += takes
    if first < len(images):
        yield images[first:]


def looks_of(policy: LifecyclePolicy, images: Iterable[Image]) -> dict[str, int]:
    """Return, by the digest of each image, which rules look at its tags: a bit for each rule, in their order."""
    return {
        image.digest: sum(1 << number for number, rule in enumerate(policy.rules) if rule.looks_at(image.tags))
        for image in images
    }


def select(
    policy: LifecyclePolicy,
    images: Iterable[Image],
    now: datetime,
    pull_margin: timedelta,
    looks: Mapping[str, int] | None = None,
) -> Plan:
    """Decide what the policy does to these images at this time. The order of the images does not matter.

    A recorded pull may be `pull_margin` older than the last pull, so that much is added to every age since a pull.
    `looks` is that of `looks_of` for all images, if it was found before.
    """
    known = {image.digest: image for image in images}
    if looks is None:
        looks = looks_of(policy, known.values())
    roots = _Roots(known)
    ordinary = sorted(
        (each for each in known.values() if roots.of(each) is each and each.status is not ImageStatus.ACTIVATING),
        key=lambda image: (image.began_at, image.digest),
    )
    chosen, kept = _by_rules(policy.rules, ordinary, (now, pull_margin), looks)
    orphans = (image for image in known.values() if _is_lost(image, known, now))
    chosen |= {image.digest: Action(image, ActionType.EXPIRE, None) for image in orphans}
    chosen |= _followers(known, roots, chosen)
    _spare_parts(known, chosen)
    acting = {action.priority for action in chosen.values()}
    in_order = _in_order(known, chosen)
    return Plan(tuple(in_order), {priority: held for priority, held in kept.items() if priority in acting})


# --- rules ------------------------------------------------------------------------------------------------


def _by_rules(
    rules: Sequence[Rule], images: Sequence[Image], at: tuple[datetime, timedelta], looks: Mapping[str, int]
) -> tuple[dict[str, Action], dict[int, tuple[Image, ...]]]:
    """Apply every rule to the images, which are sorted from the oldest to the newest."""
    owned: set[str] = set()
    chosen: dict[str, Action] = {}
    kept: dict[int, tuple[Image, ...]] = {}
    for number, rule in enumerate(rules):
        included = [image for image in images if image.storage is rule.storage and looks[image.digest] >> number & 1]
        due = _due(rule, included, *at)
        if rule.count_type is CountType.MORE_THAN:
            kept[rule.priority] = tuple(included[len(due) :])
        chosen |= {each.digest: Action(each, rule.action, rule.priority) for each in due if each.digest not in owned}
        owned |= {image.digest for image in included}
    return chosen, kept


def _due(rule: Rule, included: Sequence[Image], now: datetime, margin: timedelta) -> Sequence[Image]:
    if rule.count_type is CountType.MORE_THAN:
        return included[: max(0, len(included) - rule.count)]
    age = timedelta(days=min(rule.count, _MOST_DAYS))
    since = _SINCE[rule.count_type]
    slack = margin if rule.count_type is CountType.SINCE_PULLED else timedelta()
    return [image for image in included if (then := since(image)) is not None and now - then - slack > age]


def _pulled(image: Image) -> datetime:
    """Return the last pull of the image's present life, or its beginning if there was none."""
    return max(image.began_at, image.pulled_at or image.began_at)


_SINCE: Mapping[CountType, Callable[[Image], datetime | None]] = {
    CountType.SINCE_PUSHED: lambda image: image.began_at,
    CountType.SINCE_PULLED: _pulled,
    CountType.SINCE_TRANSITIONED: lambda image: image.archived_at,
}


# --- referrers --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Roots:
    """Finds the image that a referrer belongs to, by way of other referrers if it must."""

    known: Mapping[str, Image]
    found: dict[str, Image] = field(default_factory=dict)

    def of(self, image: Image) -> Image:
        """Return the image at the end of the chain of subjects: the image itself if it has no subject here."""
        chain: dict[str, Image] = {}
        at = image
        while at.digest not in self.found and at.digest not in chain:
            chain[at.digest] = at
            at = self.known.get(at.subject or "", at)
        root = self.found.get(at.digest, at)
        self.found.update(dict.fromkeys(chain, root))
        return root


def _is_lost(image: Image, known: Mapping[str, Image], now: datetime) -> bool:
    """Tell whether an image without tags refers to a subject that is gone."""
    is_orphan = image.subject is not None and image.subject not in known and not image.tags
    return is_orphan and now - image.began_at > ORPHANS_STAY and image.status is not ImageStatus.ACTIVATING


def _followers(known: Mapping[str, Image], roots: _Roots, chosen: Mapping[str, Action]) -> dict[str, Action]:
    """Return the actions on referrers: to be deleted with their subject, or to lie in the archive as it does."""
    found: dict[str, Action] = {}
    held = _held_by_restores(known)
    for image in known.values():
        root = roots.of(image)
        if root is image or image.digest in held:
            continue
        action = chosen.get(root.digest)
        if action is not None and action.kind is ActionType.EXPIRE:
            found[image.digest] = Action(image, ActionType.EXPIRE, action.priority)
        elif (action or root.status is ImageStatus.ARCHIVED) and image.status is ImageStatus.ACTIVE:
            found[image.digest] = Action(image, ActionType.TRANSITION, action.priority if action else None)
    return found


def _held_by_restores(known: Mapping[str, Image]) -> set[str]:
    """Return the images that are being restored, which are left alone, and all that refers to them."""
    referrers = _referrers(known)
    held = {digest for digest, image in known.items() if image.status is ImageStatus.ACTIVATING}
    waiting = list(held)
    while waiting:
        new = [each for each in referrers.get(waiting.pop(), ()) if each not in held]
        held.update(new)
        waiting += new
    return held


# --- indexes ----------------------------------------------------------------------------------------------


def _spare_parts(known: Mapping[str, Image], chosen: dict[str, Action]) -> None:
    """Take out actions on parts of indexes that stay, and on the referrers of what stays."""
    parents, referrers = _parents(known), _referrers(known)
    waiting = list(chosen)
    while waiting:
        digest = waiting.pop()
        action = chosen.get(digest)
        if action is None or all(_allows(parent, action, chosen) for parent in parents.get(digest, ())):
            continue
        spared = [digest]
        while spared:
            each = spared.pop()
            if chosen.pop(each, None) is not None:
                waiting += [part for part in known[each].parts if part in chosen]
                spared += referrers.get(each, ())


def _allows(parent: Image, action: Action, chosen: Mapping[str, Action]) -> bool:
    """Tell whether a part of `parent` may go: the index is deleted too, or lies in the archive if the part will."""
    of_parent = chosen.get(parent.digest)
    if of_parent is not None and of_parent.kind is ActionType.EXPIRE:
        return True
    if action.kind is ActionType.EXPIRE:
        return False
    return of_parent is not None or parent.status is ImageStatus.ARCHIVED


def _parents(known: Mapping[str, Image]) -> Mapping[str, list[Image]]:
    parents: dict[str, list[Image]] = defaultdict(list)
    for image in known.values():
        for part in image.parts:
            parents[part].append(image)
    return parents


def _referrers(known: Mapping[str, Image]) -> Mapping[str, list[str]]:
    referrers: dict[str, list[str]] = defaultdict(list)
    for image in known.values():
        if image.subject is not None:
            referrers[image.subject].append(image.digest)
    return referrers


def _in_order(known: Mapping[str, Image], chosen: Mapping[str, Action]) -> list[Action]:
    """Sort actions: an index before its parts, a subject before its referrers, older images before newer ones.

    An index whose subject is one of its own parts, and what depends on it, stays: none of them can be the first.
    """
    before = _predecessors(known, chosen)
    after: dict[str, list[str]] = defaultdict(list)
    for digest, others in before.items():
        for each in others:
            after[each].append(digest)
    waits_for = {digest: len(others) for digest, others in before.items()}
    ready = [_turn(chosen[digest]) for digest, count in waits_for.items() if count == 0]
    heapify(ready)
    ordered: list[Action] = []
    while ready:
        _, digest = heappop(ready)
        ordered.append(chosen[digest])
        for each in after[digest]:
            waits_for[each] -= 1
            if waits_for[each] == 0:
                heappush(ready, _turn(chosen[each]))
    return ordered


def _predecessors(known: Mapping[str, Image], chosen: Mapping[str, Action]) -> Mapping[str, set[str]]:
    parents = _parents(known)
    before: dict[str, set[str]] = {}
    for digest, action in chosen.items():
        others = {parent.digest for parent in parents.get(digest, ())} | {action.image.subject or ""}
        before[digest] = others & chosen.keys()
    return before


def _turn(action: Action) -> tuple[datetime, str]:
    return action.image.began_at, action.image.digest
