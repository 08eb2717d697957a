"""Lifecycle policies at work: in batches, killed between two of them, by two processes, beside other changes."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Table, func, select

from tests.fakes import OTHER_REGION, REGISTRY, AllowAll
from tests.registry.dump import API, ME, Dump, pieces_of
from tests.shelf import image_of, index_of
from twinport.catalog.ports import Database, WholeCatalog
from twinport.catalog.regional import lifecycle, registries, repositories, scans, schema, storage
from twinport.catalog.regional.lifecycle import Acted, Home, Step, StoredPolicy
from twinport.catalog.regional.lifecycle_previews import PreviewStatus
from twinport.catalog.regional.storage import Activating
from twinport.landing.pushes import Push, Unchanged
from twinport.landing.restores import Progress
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageFilter, ImageId, ImageStatus, NamedImage, NewRepository
from twinport.model.lifecycle import Plan
from twinport.model.lifecycle import select as decide
from twinport.model.lifecycle_policies import StorageClass, parse_policy
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName, TagName
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.refusals.images import (
    ImageArchived,
    LifecyclePolicyNotFound,
    LifecyclePreviewInProgress,
    StorageClassUpdateNotSupported,
)
from twinport.refusals.storage import StorageUnavailable
from twinport.registry.lifecycle import LifecyclePolicies, LifecyclePreviews, PreviewQuery
from twinport.registry.lifecycle_runs import INTERVAL, PREVIEWS_STAY, Ended, LifecycleRuns
from twinport.registry.paging import PageRequest
from twinport.registry.pull_time_exclusions import PullTimeExclusions
from twinport.registry.pulls import COARSENESS, MARGIN, Pulls
from twinport.registry.referrers import Referrers, WantedReferrers
from twinport.registry.scanning import Scanning
from twinport.registry.storage_classes import StorageClasses
from twinport.registry.storage_moves import LEFT_AFTER, StorageMoves

T = TypeVar("T")
REGION = REGISTRY.region
TICK, DAY, LEASE = timedelta(seconds=1), timedelta(days=1), timedelta(minutes=1)
LAYER = b"a layer"
TRANSITION = {"type": "transition", "targetStorageClass": "archive"}


class Killed(BaseException):
    """The process died just after a commit."""


@dataclass
class Mortal:
    """A catalog whose process dies after some writes."""

    catalog: WholeCatalog
    writes: int

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — whatever the catalog has
        return getattr(self.catalog, name)

    def region(self, name: RegionName) -> "MortalDatabase":
        return MortalDatabase(self, self.catalog.region(name))


@dataclass
class MortalDatabase:
    process: Mortal
    database: Database

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — as above
        return getattr(self.database, name)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        if self.process.writes <= 0:
            raise Killed
        self.process.writes -= 1
        return await self.database.write(transaction)


@dataclass
class Deaf:
    """A catalog that commits, and whose process does not hear of it for some writes: the answer came too late."""

    catalog: WholeCatalog
    deaf: Callable[[], bool]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — as above
        return getattr(self.catalog, name)

    def region(self, name: RegionName) -> "DeafDatabase":
        return DeafDatabase(self, self.catalog.region(name))


@dataclass
class DeafDatabase:
    process: Deaf
    database: Database

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — as above
        return getattr(self.database, name)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        is_deaf = self.process.deaf()
        result = await self.database.write(transaction)
        if is_deaf:
            raise StorageUnavailable("the outcome is not known")
        return result


@dataclass
class Yard:
    """A repository with images, and a loop that is run by hand."""

    dump: Dump

    def __post_init__(self) -> None:
        catalog, gate = self.dump.catalog, AllowAll()
        self.rung: list[str] = []
        self.policies = LifecyclePolicies(gate, catalog, lambda: self.rung.append("changed"))
        self.previews = LifecyclePreviews(gate, catalog, lambda: self.rung.append("started"))
        self.storage = StorageClasses(gate, catalog, lambda: self.rung.append("restoring"))
        self.pulls = Pulls(catalog)
        self.dump.images = type(self.dump.images)(gate, catalog, lambda: None, pulls=self.pulls)

    def runs(self, holder: str = "ann", catalog: Any = None, at_once: int = 2) -> LifecycleRuns:  # noqa: ANN401 — a catalog
        return LifecycleRuns(catalog or self.dump.catalog, holder, self.pulls, asyncio.Event(), at_once)

    def moves(self, holder: str = "ann", at_once: int = 2) -> StorageMoves:
        owed = lambda: self.rung.append("owed")  # noqa: E731 — one line of a test
        return StorageMoves(self.dump.catalog, holder, asyncio.Event(), owed, at_once)

    async def settle(self) -> None:
        """Do all that the archive's loop has to do."""
        while await self.moves().look(REGION):
            pass

    async def fill(self, count: int) -> list[Digest]:
        """Push images, each a second after the one before."""
        await self.dump.upload(LAYER)
        return [await self.push(number) for number in range(count)]

    async def push(self, number: int, **more: Any) -> Digest:  # noqa: ANN401 — members of a manifest
        self.dump.world.advance(TICK)
        config = f"config {number}".encode()
        await self.dump.upload(config)
        content = json.dumps(json.loads(image_of(config, LAYER)) | more).encode()
        tags = () if more else (TagName(f"v{number}"),)
        push = Push(content, None, tags, None, Unchanged.ACCEPT)
        return (await self.dump.images.put(ME, REGISTRY.repository(API), push)).digest

    async def push_index(self, part: Digest) -> Digest:
        content = (await self.dump.images.get(ME, REGISTRY.repository(API), ImageId(part, None))).content
        push = Push(index_of(content), None, (TagName("index"),), None, Unchanged.ACCEPT)
        return (await self.dump.images.put(ME, REGISTRY.repository(API), push)).digest

    async def stored(self) -> StoredPolicy | None:
        return await self.dump.region.read(
            lambda db: lifecycle.find(db, repositories.get(db, REGISTRY.repository(API)).id)
        )

    async def changes(self) -> int | None:
        """Return how many changes of images the repository counted, or None if it has no policy."""
        stored = await self.stored()
        return None if stored is None else stored.image_changes

    async def act(self, home: Home, version: str, step: Step) -> Acted | None:
        now = self.dump.world.now()
        return await self.dump.region.write(lambda db: lifecycle.act(db, home, version, step, now))

    async def put(self, *rules: dict[str, Any]) -> None:
        await self.policies.put(ME, REGISTRY.repository(API), json.dumps({"rules": rules}))

    async def tags(self, status: ImageStatus | None = ImageStatus.ACTIVE) -> list[str]:
        page = await self.dump.images.list(ME, REGISTRY.repository(API), ImageFilter(status=status), PageRequest(100))
        return sorted(image.tag or "" for image in page.items)

    async def status(self, digest: Digest) -> ImageStatus:
        (detail,) = await self.dump.images.describe(ME, REGISTRY.repository(API), [NamedImage(str(digest))])
        return detail.status

    async def pulled(self, digest: Digest) -> datetime | None:
        (detail,) = await self.dump.images.describe(ME, REGISTRY.repository(API), [NamedImage(str(digest))])
        return detail.pulled_at

    async def home(self) -> tuple[Home, StoredPolicy]:
        """Return the repository and its policy, which is there."""
        found, policy = (
            await self.dump.region.read(lambda db: repositories.get(db, REGISTRY.repository(API))),
            await self.stored(),
        )
        assert policy is not None
        return Home(found.id, REGISTRY.repository(API)), policy

    async def plan(self) -> tuple[Home, str, Plan]:
        home, policy = await self.home()
        images = await self.dump.region.read(lambda db: lifecycle.page(db, home.id, "", 100))
        return home, policy.version, decide(parse_policy(policy.text), images, self.dump.world.now(), timedelta())

    async def update(self, digest: Digest, target: StorageClass) -> ImageStatus:
        return (await self.storage.update(ME, REGISTRY.repository(API), ImageId(digest, None), target))[1]


@pytest.fixture
async def yard(catalog: WholeCatalog, tmp_path: Path) -> Yard:
    yard = Yard(Dump(catalog, tmp_path))
    await yard.dump.make()
    return yard


def rule(priority: int = 1, action: Any = None, **selection: Any) -> dict[str, Any]:  # noqa: ANN401 — as JSON has it
    chosen = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2} | selection
    return {"rulePriority": priority, "selection": chosen, "action": action or {"type": "expire"}}


# --- runs -------------------------------------------------------------------------------------------------


async def test_a_policy_is_applied_in_batches_and_is_not_due_again_for_a_while(yard: Yard) -> None:
    await yard.fill(7)
    await yard.put(rule())
    assert yard.rung == ["changed"]
    await yard.runs().look(REGION)
    assert await yard.tags() == ["v5", "v6"]
    policy = await yard.policies.get(ME, REGISTRY.repository(API))
    assert policy.evaluated_at == yard.dump.world.now()
    await yard.push(7)
    await yard.runs().look(REGION)
    assert await yard.tags() == ["v5", "v6", "v7"]
    yard.dump.world.advance(INTERVAL)
    await yard.runs().look(REGION)
    assert await yard.tags() == ["v6", "v7"]


async def test_a_policy_that_is_put_again_and_again_does_not_keep_a_region_from_its_end(yard: Yard) -> None:
    await yard.fill(1)
    await yard.put(rule())
    applied: list[int] = []

    class Putting(Pulls):
        """A client puts the policy again while it is applied."""

        async def settle(self) -> None:
            applied.append(1)
            await yard.put(rule())

    yard.pulls = Putting(yard.dump.catalog)
    await yard.runs().look(REGION)
    await yard.runs().look(REGION)
    assert len(applied) == 2, "once in each look"


async def test_a_repository_whose_transactions_are_refused_lets_others_have_their_turn(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await yard.fill(3)
    await yard.put(rule())

    def refused(*_: object) -> None:
        raise StorageUnavailable("it took too long")

    def due(db: Connection) -> list[Home]:
        return lifecycle.due(db, REGION, yard.dump.catalog.now(db), 10)

    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, "act", refused)
        with pytest.raises(StorageUnavailable):
            await yard.runs().look(REGION)
    assert await yard.dump.region.read(due) == []
    yard.dump.world.advance(timedelta(minutes=1))
    await yard.runs().look(REGION)
    assert await yard.tags() == ["v1", "v2"]


async def test_a_run_that_is_killed_after_any_write_is_ended_by_another_process(yard: Yard) -> None:
    await yard.fill(7)
    await yard.put(rule())
    before = len(await yard.tags())
    for writes in range(1, 12):
        dying = yard.runs("dying", Mortal(yard.dump.catalog, writes))
        with suppress(Killed):
            await dying.apply((await yard.home())[0])
        left = await yard.tags()
        assert before - 2 <= len(left) <= before, "a transaction takes two images at most"
        before = len(left)
        yard.dump.world.advance(TICK)
        if before == 2:
            break
    yard.dump.world.advance(LEASE)
    await yard.runs("bob").look(REGION)
    assert await yard.tags() == ["v5", "v6"]


async def test_another_process_waits_for_the_lease_of_a_process_that_died(yard: Yard) -> None:
    await yard.fill(5)
    await yard.put(rule())
    home, _ = await yard.home()
    with pytest.raises(Killed):
        await yard.runs("dying", Mortal(yard.dump.catalog, 2)).apply(home)
    left = await yard.tags()
    assert len(left) == 3
    await yard.runs("bob").look(REGION)
    assert await yard.tags() == left
    yard.dump.world.advance(LEASE)
    await yard.runs("bob").look(REGION)
    assert await yard.tags() == ["v3", "v4"]


async def test_two_processes_at_once_delete_what_one_would_delete(
    yard: Yard, capsys: pytest.CaptureFixture[str]
) -> None:
    await yard.fill(9)
    await yard.put(rule())
    await asyncio.gather(yard.runs("ann").look(REGION), yard.runs("bob").look(REGION))
    assert await yard.tags() == ["v7", "v8"]
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if '"image.expired"' in line]
    assert sorted(line["tags"] for line in lines) == [f"v{number}" for number in range(7)]
    assert {line["priority"] for line in lines} == {1}


async def test_a_plan_is_given_up_when_an_image_that_it_keeps_goes(yard: Yard) -> None:
    digests = await yard.fill(4)
    await yard.put(rule())
    home, version, plan = await yard.plan()
    await yard.dump.delete(digests[3])
    step = Step(plan.actions, (plan.kept[1],), 0)
    now = yard.dump.world.now()
    assert await yard.dump.region.write(lambda db: lifecycle.act(db, home, version, step, now)) is None
    await yard.runs().look(REGION)
    assert await yard.tags() == ["v1", "v2"]


async def test_what_a_rule_keeps_is_compared_again_only_after_a_change(yard: Yard) -> None:
    await yard.fill(4)
    await yard.put(rule())
    home, version, plan = await yard.plan()
    changes = await yard.changes()
    assert changes is not None
    step = Step(plan.actions[:1], ((replace(plan.kept[1][0], tags=("another",)),),), changes)
    acted = await yard.act(home, version, step)
    assert acted is not None
    assert [each.image.tags for each in acted.actions] == [("v0",)]
    # As after a change that the process has not seen yet.
    assert await yard.act(home, version, replace(step, actions=plan.actions[1:])) is None


async def test_a_run_goes_on_beside_pushes_that_leave_what_it_keeps(yard: Yard) -> None:
    await yard.fill(7)
    await yard.put(rule())
    runs = yard.runs(at_once=1)
    home, stored = await yard.home()
    decided = await runs._decide(home, stored)
    await yard.push(7)
    assert await runs._carry_out(home, stored, decided, Counter()) is Ended.WHOLE
    assert await yard.tags() == ["v5", "v6", "v7"]


async def test_every_change_that_matters_to_a_policy_is_counted(yard: Yard) -> None:
    first, second, *_ = await yard.fill(4)
    assert await yard.changes() is None, "without a policy there is nothing to count for"
    await yard.put(rule(countNumber=100))
    image = partial(ImageId, tag=None)
    counted = [await yard.changes()]

    async def after(change: Awaitable[object]) -> None:
        await change
        counted.append(await yard.changes())

    await after(yard.dump.images.delete(ME, REGISTRY.repository(API), [NamedImage(None, "v3")]))
    await after(yard.push(4))
    await after(yard.push_index(first))
    await after(yard.storage.update(ME, REGISTRY.repository(API), image(second), StorageClass.ARCHIVE))
    await after(yard.storage.update(ME, REGISTRY.repository(API), image(second), StorageClass.STANDARD))
    await after(yard.settle())
    assert all(a is not None and b is not None and a < b for a, b in pairwise(counted)), counted
    await yard.push(5, annotations={"pushed": "without a tag"})
    assert await yard.changes() == counted[-1]


async def test_an_image_that_changed_since_the_plan_stays(yard: Yard) -> None:
    digests = await yard.fill(4)
    await yard.put(rule())
    home, version, plan = await yard.plan()
    found = await yard.dump.images.get(ME, REGISTRY.repository(API), ImageId(digests[0], None))
    await yard.dump.images.put(
        ME, REGISTRY.repository(API), Push(found.content, None, (TagName("kept"),), None, Unchanged.ACCEPT)
    )
    step, now = Step(plan.actions, (plan.kept[1],), 0), yard.dump.world.now()
    taken = await yard.dump.region.write(lambda db: lifecycle.act(db, home, version, step, now))
    assert taken is not None
    assert [each.image.digest for each in taken.actions] == [str(digests[1])]


async def test_a_run_ends_when_its_policy_is_replaced_or_deleted(yard: Yard) -> None:
    await yard.fill(4)
    await yard.put(rule())
    home, version, plan = await yard.plan()
    step, now = Step(plan.actions, (), 0), yard.dump.world.now()
    await yard.put(rule(countNumber=9))
    assert await yard.dump.region.write(lambda db: lifecycle.act(db, home, version, step, now)) is None
    await yard.policies.delete(ME, REGISTRY.repository(API))
    assert await yard.dump.region.write(lambda db: lifecycle.act(db, home, version, step, now)) is None
    with pytest.raises(LifecyclePolicyNotFound):
        await yard.policies.get(ME, REGISTRY.repository(API))


async def test_the_layers_of_an_expired_image_go_like_those_of_a_deleted_one(yard: Yard) -> None:
    await yard.fill(3)
    await yard.put(rule(countNumber=1))
    await yard.runs().look(REGION)
    await yard.dump.settle()
    assert await yard.dump.stored() == {b"config 2", LAYER}


def lines_of(capsys: pytest.CaptureFixture[str], event: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines() if f'"{event}"' in line]


async def test_an_image_that_went_without_an_answer_has_its_line_later(
    yard: Yard, capsys: pytest.CaptureFixture[str]
) -> None:
    await yard.fill(4)
    await yard.put(rule())
    writes = iter(range(100))
    home, _ = await yard.home()
    deaf = yard.runs("deaf", Deaf(yard.dump.catalog, lambda: next(writes) == 1))
    with pytest.raises(StorageUnavailable):
        await deaf.apply(home)
    assert await yard.tags() == ["v2", "v3"]
    assert lines_of(capsys, "image.expired") == []
    await yard.settle()
    assert lines_of(capsys, "image.expired") == [], "the process may still tell them itself"
    yard.dump.world.advance(LEFT_AFTER + TICK)
    await yard.settle()
    told = lines_of(capsys, "image.expired")
    assert [(each["tags"], each["priority"], each["repository"]) for each in told] == [("v0", 1, API), ("v1", 1, API)]
    await yard.settle()
    assert lines_of(capsys, "image.expired") == []


async def test_every_image_has_its_line_whenever_the_process_dies(
    yard: Yard, capsys: pytest.CaptureFixture[str]
) -> None:
    await yard.fill(6)
    await yard.put(rule(1, TRANSITION))
    home, _ = await yard.home()
    told: Counter[str] = Counter()
    for writes in range(12):
        with suppress(Killed):
            await yard.runs("dying", Mortal(yard.dump.catalog, writes)).apply(home)
        yard.dump.world.advance(LEFT_AFTER + TICK)
        await yard.settle()
        told.update(each["tags"] for each in lines_of(capsys, "image.archived"))
        assert sorted(told) == await yard.tags(ImageStatus.ARCHIVED)
    assert sorted(told) == ["v0", "v1", "v2", "v3"]
    assert await yard.dump.region.read(partial(rows_of, table=schema.image_note)) == 0


async def test_lines_that_are_written_leave_no_notes(yard: Yard) -> None:
    await yard.fill(5)
    await yard.put(rule())
    await yard.runs().look(REGION)
    assert await yard.dump.region.read(partial(rows_of, table=schema.image_note)) == 0


async def test_the_parts_that_indexes_share_are_in_memory_once(yard: Yard) -> None:
    first, *_ = await yard.fill(1)
    for number in range(2):
        content = (await yard.dump.images.get(ME, REGISTRY.repository(API), ImageId(first, None))).content
        index = index_of(content, annotations={"number": str(number)})
        await yard.dump.images.put(ME, REGISTRY.repository(API), Push(index, None, (), None, Unchanged.ACCEPT))
    await yard.put(rule())
    home, _ = await yard.home()
    known: dict[str, str] = {}
    page = partial(lifecycle.page, repository_id=home.id, limit=2, known=known)
    pages = [await yard.dump.region.read(partial(page, after=after)) for after in ("", "sha256:8")]
    parts = [part for page in pages for image in page for part in image.parts]
    assert parts
    assert len({id(part) for part in parts}) == 1


async def test_accounts_take_turns(yard: Yard) -> None:
    """An account with a policy in each of many repositories does not keep another one waiting."""
    catalog, gate, world = yard.dump.catalog, AllowAll(), yard.dump.world
    other = Registry(AccountId("222222222222"), REGION)
    names = [RepositoryName(f"many/{number}") for number in range(3)]
    for registry, name in [*((REGISTRY, name) for name in names), (other, RepositoryName("one"))]:
        await yard.dump.repositories.create(ME, registry.repository(name), NewRepository())
        await LifecyclePolicies(gate, catalog, lambda: None).put(
            ME, registry.repository(name), json.dumps({"rules": [rule()]})
        )
        await LifecyclePreviews(gate, catalog, lambda: None).start(ME, registry.repository(name), None)
        world.advance(TICK)
    taken: list[tuple[str, str]] = []

    class Watched(Pulls):
        async def settle(self) -> None:
            taken.append(("", ""))

    runs = LifecycleRuns(catalog, "ann", Watched(catalog), asyncio.Event(), accounts_at_once=1)
    due = partial(lifecycle.due, region=REGION, limit=100)
    first = await yard.dump.region.read(lambda db: due(db, now=world.now()))
    assert [home.repository.name for home in first] == [names[0], "one"], "one repository of each account"
    assert await runs.look(REGION)
    assert len(taken) == 4, "a preview and a policy of each"
    second = await yard.dump.region.read(lambda db: due(db, now=world.now()))
    assert [home.repository.name for home in second] == [names[1]]
    while await runs.look(REGION):
        pass
    assert len(taken) == 8
    assert await yard.dump.region.read(lambda db: due(db, now=world.now())) == []


async def test_an_account_whose_work_is_hindered_does_not_keep_another_one_from_its_turn(yard: Yard) -> None:
    await yard.fill(3)
    await yard.put(rule())
    other = Registry(AccountId("222222222222"), REGION)
    await yard.dump.repositories.create(ME, other.repository(API), NewRepository())
    await yard.policies.put(ME, other.repository(API), json.dumps({"rules": [rule()]}))
    home, _ = await yard.home()

    class Refusing(LifecycleRuns):
        async def apply(self, each: Home) -> bool:
            if each == home:
                raise StorageUnavailable("it took too long")
            return await super().apply(each)

    runs = Refusing(yard.dump.catalog, "ann", yard.pulls, asyncio.Event(), accounts_at_once=1)
    assert await runs.look(REGION), "the loop goes on at once for the other account"
    evaluated = await yard.policies.get(ME, other.repository(API))
    assert evaluated.evaluated_at is not None


async def test_a_part_stays_with_its_index_and_a_referrer_goes_with_its_subject(yard: Yard) -> None:
    first, second, _ = await yard.fill(3)
    yard.dump.world.advance(TICK)
    await yard.push_index(first)
    subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": str(second), "size": 1}
    await yard.push(9, subject=subject)
    await yard.put(rule())
    await yard.runs().look(REGION)
    assert await yard.tags() == ["index", "v0", "v2"]


async def test_a_repository_that_is_deleted_takes_its_policy_and_previews_along(yard: Yard) -> None:
    await yard.fill(3)
    await yard.put(rule(countNumber=1))
    await yard.previews.start(ME, REGISTRY.repository(API), None)
    await yard.runs().look(REGION)
    await yard.dump.drop()
    await yard.runs().look(REGION)
    await yard.dump.settle()
    tables = (schema.lifecycle_policy, schema.lifecycle_preview, schema.lifecycle_preview_result, schema.image_storage)
    for table in tables:
        assert await yard.dump.region.read(partial(rows_of, table=table)) == 0


# --- previews ---------------------------------------------------------------------------------------------


async def test_a_preview_shows_what_a_run_does(yard: Yard) -> None:
    digests = await yard.fill(6)
    rules = [rule(1, tagStatus="tagged", tagPatternList=["v*"], countNumber=4)]
    text = json.dumps({"rules": rules})
    assert await yard.previews.start(ME, REGISTRY.repository(API), text) == text
    with pytest.raises(LifecyclePreviewInProgress):
        await yard.previews.start(ME, REGISTRY.repository(API), text)
    before, page = await yard.previews.get(ME, REGISTRY.repository(API), PreviewQuery())
    assert (before.status, page.items) == (PreviewStatus.IN_PROGRESS, ())
    await yard.runs().look(REGION)
    preview, page = await yard.previews.get(ME, REGISTRY.repository(API), PreviewQuery())
    assert (preview.status, preview.expiring) == (PreviewStatus.COMPLETE, 2)
    assert [each.digest for each in page.items] == digests[:2]
    assert len(await yard.tags()) == 6
    await yard.put(*rules)
    await yard.runs().look(REGION)
    assert await yard.tags() == ["v2", "v3", "v4", "v5"]


async def test_a_preview_that_was_interrupted_is_made_again_and_one_that_is_old_expires(yard: Yard) -> None:
    await yard.fill(4)
    await yard.previews.start(ME, REGISTRY.repository(API), json.dumps({"rules": [rule()]}))
    home = Home(
        (await yard.dump.region.read(lambda db: repositories.get(db, REGISTRY.repository(API)))).id,
        REGISTRY.repository(API),
    )
    for writes in (1, 2, 3):
        with suppress(Killed):
            await yard.runs("dying", Mortal(yard.dump.catalog, writes)).preview(home)
    yard.dump.world.advance(LEASE)
    await yard.runs().look(REGION)
    preview, page = await yard.previews.get(ME, REGISTRY.repository(API), PreviewQuery())
    assert (preview.status, len(page.items)) == (PreviewStatus.COMPLETE, 2)
    yard.dump.world.advance(PREVIEWS_STAY)
    await yard.runs().look(REGION)
    preview, page = await yard.previews.get(ME, REGISTRY.repository(API), PreviewQuery())
    assert (preview.status, page.items) == (PreviewStatus.EXPIRED, ())


# --- the archive ------------------------------------------------------------------------------------------


async def test_images_that_were_not_pulled_are_archived_and_expire_there(yard: Yard) -> None:
    first, second = await yard.fill(2)
    days = {"countUnit": "days"}
    pulled = rule(1, TRANSITION, countType="sinceImagePulled", countNumber=30, **days)
    archived = rule(2, countType="sinceImageTransitioned", storageClass="archive", countNumber=90, **days)
    await yard.put(pulled, archived)
    yard.dump.world.advance(20 * DAY)
    await note(yard, second)
    yard.dump.world.advance(11 * DAY)
    await yard.runs().look(REGION)
    assert (await yard.status(first), await yard.status(second)) == (ImageStatus.ARCHIVED, ImageStatus.ACTIVE)
    assert (await yard.tags(), await yard.tags(ImageStatus.ARCHIVED)) == (["v1"], ["v0"])
    yard.dump.world.advance(91 * DAY)
    await yard.runs().look(REGION)
    assert (await yard.tags(None), await yard.status(second)) == (["v1"], ImageStatus.ARCHIVED)


async def test_a_pull_that_is_not_written_yet_keeps_its_image(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    await yard.put(rule(1, TRANSITION, countType="sinceImagePulled", countNumber=30, countUnit="days"))
    yard.dump.world.advance(31 * DAY)
    yard.pulls.note(by(yard.dump.world.now()), REGISTRY, (await yard.home())[0].id, first)
    await yard.runs().look(REGION)
    assert await yard.status(first) is ImageStatus.ACTIVE


async def test_a_part_of_an_active_index_is_not_archived_and_a_restored_index_restores_its_parts(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    index = await yard.push_index(first)
    with pytest.raises(StorageClassUpdateNotSupported):
        await yard.update(first, StorageClass.ARCHIVE)
    for each in (index, first):
        assert await yard.update(each, StorageClass.ARCHIVE) is ImageStatus.ARCHIVED
        assert await yard.update(each, StorageClass.ARCHIVE) is ImageStatus.ARCHIVED
    with pytest.raises(ImageArchived):
        await yard.dump.images.get(ME, REGISTRY.repository(API), ImageId(first, None))
    assert await yard.update(index, StorageClass.STANDARD) is ImageStatus.ACTIVATING
    with pytest.raises(StorageClassUpdateNotSupported):
        await yard.update(index, StorageClass.ARCHIVE)
    await yard.settle()
    assert (await yard.status(index), await yard.status(first)) == (ImageStatus.ACTIVE, ImageStatus.ACTIVE)
    assert yard.rung[-1] == "owed"


async def refer(yard: Yard, number: int, subject: Digest) -> Digest:
    described = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": str(subject), "size": 1}
    return await yard.push(number, subject=described)


async def statuses(yard: Yard, digests: Sequence[Digest]) -> Counter[ImageStatus]:
    return Counter([await yard.status(each) for each in digests])


async def test_referrers_follow_their_subject_into_the_archive_and_back_some_at_a_time(
    yard: Yard, capsys: pytest.CaptureFixture[str]
) -> None:
    image, another = await yard.fill(2)
    signatures = [await refer(yard, number, image) for number in range(10, 15)]
    follower = await refer(yard, 20, signatures[3])
    stranger = await refer(yard, 21, another)
    every = [*signatures, follower]
    yard.storage = replace(yard.storage, at_once=2)
    assert await yard.update(image, StorageClass.ARCHIVE) is ImageStatus.ARCHIVED
    assert yard.rung == ["restoring"], "the loop is to go on"
    assert await statuses(yard, every) == {ImageStatus.ARCHIVED: 2, ImageStatus.ACTIVE: 4}
    assert await yard.moves().look(REGION)
    assert await statuses(yard, every) == {ImageStatus.ARCHIVED: 4, ImageStatus.ACTIVE: 2}
    await yard.settle()
    assert await statuses(yard, every) == {ImageStatus.ARCHIVED: 6}
    told = {each["digest"] for each in lines_of(capsys, "image.archived")}
    assert told == {str(each) for each in (image, *every)}
    assert await yard.update(image, StorageClass.STANDARD) is ImageStatus.ACTIVATING
    await yard.settle()
    assert await statuses(yard, [image, *every, stranger]) == {ImageStatus.ACTIVE: 8}
    assert await yard.dump.region.read(partial(rows_of, table=schema.referrer_move)) == 0


async def test_a_push_of_an_archived_image_restores_its_referrers_and_owes_their_copies(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    signature = await refer(yard, 1, first)
    rules = ReplicationConfiguration((ReplicationRule((Registry(REGISTRY.account, OTHER_REGION),)),))
    await yard.dump.region.write(lambda db: registries.set_replication(db, REGISTRY.account, rules, "AROA"))
    await yard.update(first, StorageClass.ARCHIVE)
    assert await yard.status(signature) is ImageStatus.ARCHIVED
    await yard.push(0)
    await yard.settle()
    assert await yard.status(signature) is ImageStatus.ACTIVE
    owes = await yard.dump.region.read(lambda db: db.execute(select(schema.delivery.c.digest)).scalars().all())
    assert sorted(owes) == sorted([str(first), str(signature)])


async def test_a_referrer_in_an_active_index_stays_when_its_subject_is_archived(yard: Yard) -> None:
    first, _ = await yard.fill(2)
    signature = await refer(yard, 1, first)
    await yard.push_index(signature)
    await yard.update(first, StorageClass.ARCHIVE)
    await yard.settle()
    assert await yard.status(signature) is ImageStatus.ACTIVE


async def test_referrers_are_archived_even_while_they_are_restored(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    signature = await refer(yard, 1, first)
    await yard.update(first, StorageClass.ARCHIVE)
    await yard.update(first, StorageClass.STANDARD)
    await yard.moves().end_restores(REGION)
    await yard.moves().move_referrers(REGION)
    assert await yard.status(signature) is ImageStatus.ACTIVATING
    await yard.update(first, StorageClass.ARCHIVE)
    await yard.settle()
    assert await statuses(yard, [first, signature]) == {ImageStatus.ARCHIVED: 2}


async def test_a_restore_that_is_hindered_lets_the_others_end(yard: Yard) -> None:
    digests = await yard.fill(3)
    for each in digests:
        await yard.update(each, StorageClass.ARCHIVE)
        await yard.update(each, StorageClass.STANDARD)
    first, *others = sorted(digests, key=str)

    class Refusing(StorageMoves):
        def _go_on(self, each: Activating, db: Connection) -> Progress:
            if each.digest == first:
                raise StorageUnavailable("it took too long")
            return super()._go_on(each, db)

    refusing = Refusing(yard.dump.catalog, "ann", asyncio.Event(), lambda: None)
    assert await refusing.look(REGION)
    assert await statuses(yard, others) == {ImageStatus.ACTIVE: 2}
    with pytest.raises(StorageUnavailable):
        await refusing.look(REGION)
    assert await yard.status(first) is ImageStatus.ACTIVATING


async def test_accounts_take_turns_in_restores(yard: Yard) -> None:
    digests = await yard.fill(5)
    other = Registry(AccountId("222222222222"), REGION)
    await yard.dump.repositories.create(ME, other.repository(API), NewRepository())
    for part in (b"config 0", LAYER):
        await yard.dump.uploads.upload_whole(ME, other.repository(API), Digest.of(part), pieces_of(part))
    await yard.dump.images.put(
        ME, other.repository(API), Push(image_of(b"config 0", LAYER), None, (), None, Unchanged.ACCEPT)
    )
    await yard.dump.region.write(lambda db: archive_all(db, yard.dump.world.now()))
    found = await yard.dump.region.read(lambda db: storage.activating(db, REGION, 2))
    assert {each.repository.registry for each in found} == {REGISTRY, other}
    assert len(digests) == 5


def archive_all(db: Connection, now: datetime) -> None:
    for row in db.execute(select(schema.manifest.c.repository_id, schema.manifest.c.digest)).all():
        storage.archive(db, row.repository_id, Digest.parse(row.digest), now)
        storage.begin_to_activate(db, row.repository_id, Digest.parse(row.digest))


async def test_a_new_index_restores_its_archived_parts(yard: Yard) -> None:
    first, second = await yard.fill(2)
    content = (await yard.dump.images.get(ME, REGISTRY.repository(API), ImageId(first, None))).content
    for each in (first, second):
        await yard.update(each, StorageClass.ARCHIVE)
    push = Push(index_of(content), None, (TagName("index"),), None, Unchanged.ACCEPT)
    await yard.dump.images.put(ME, REGISTRY.repository(API), push)
    assert (await yard.status(first), await yard.status(second)) == (ImageStatus.ACTIVE, ImageStatus.ARCHIVED)
    await yard.dump.images.get(ME, REGISTRY.repository(API), ImageId(first, None))


async def test_parts_that_an_index_restores_are_scanned(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    index = await yard.push_index(first)
    await Scanning(AllowAll(), yard.dump.catalog, lambda: None).set_scan_on_push(
        ME, REGISTRY.repository(API), value=True
    )
    for each in (index, first):
        await yard.update(each, StorageClass.ARCHIVE)
    await yard.update(index, StorageClass.STANDARD)
    await yard.settle()
    assert await scanned(yard) == [first]


async def test_archiving_owes_no_copy_and_a_restore_owes_one_for_each_tag(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    rules = ReplicationConfiguration((ReplicationRule((Registry(REGISTRY.account, OTHER_REGION),)),))
    await yard.dump.region.write(lambda db: registries.set_replication(db, REGISTRY.account, rules, "AROA"))
    await yard.update(first, StorageClass.ARCHIVE)
    assert await owed(yard) == []
    await yard.update(first, StorageClass.STANDARD)
    await yard.settle()
    assert await owed(yard) == ["v0"]


async def test_a_push_of_an_archived_image_restores_it_and_owes_its_copies(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    rules = ReplicationConfiguration((ReplicationRule((Registry(REGISTRY.account, OTHER_REGION),)),))
    await yard.dump.region.write(lambda db: registries.set_replication(db, REGISTRY.account, rules, "AROA"))
    await yard.update(first, StorageClass.ARCHIVE)
    await yard.push(0)
    assert await yard.status(first) is ImageStatus.ACTIVE
    assert await owed(yard) == ["v0"]


async def test_archiving_forgets_the_scan_and_a_restore_owes_one_if_pushes_are_scanned(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    scanning = Scanning(AllowAll(), yard.dump.catalog, lambda: None)
    await scanning.start(ME, REGISTRY.repository(API), ImageId(first, None))
    assert await scanned(yard) == [first]
    await yard.update(first, StorageClass.ARCHIVE)
    assert await scanned(yard) == []
    with pytest.raises(ImageArchived):
        await scanning.start(ME, REGISTRY.repository(API), ImageId(first, None))
    await scanning.set_scan_on_push(ME, REGISTRY.repository(API), value=True)
    await yard.update(first, StorageClass.STANDARD)
    await yard.settle()
    assert await scanned(yard) == [first]
    await yard.update(first, StorageClass.ARCHIVE)
    await yard.push(0)
    assert await scanned(yard) == [first]


# --- pulls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
async def test_a_recorded_pull_is_behind_by_no_more_than_the_margin(yard: Yard, seed: int) -> None:
    random, at = Random(seed), yard.dump.world.now()
    (image,) = await yard.fill(1)
    home = (await yard.dump.region.read(lambda db: repositories.get(db, REGISTRY.repository(API)))).id
    processes, pullers = (
        [Pulls(yard.dump.catalog) for _ in range(2)],
        [by(at), replace(by(at), principal_arn="another")],
    )
    for _ in range(60):
        at += timedelta(minutes=random.choice([1, 5, 29, 59]))
        process, puller = random.choice(processes), random.choice(pullers)
        process.note(replace(puller, origin=replace(puller.origin, at=at)), REGISTRY, home, image)
        await process.write()
        recorded = await yard.pulled(image)
        assert recorded is not None
        assert at - recorded <= MARGIN


async def test_pulls_are_written_once_an_hour_and_never_for_what_is_gone(yard: Yard) -> None:
    first, second = await yard.fill(2)
    start = yard.dump.world.now()
    await note(yard, first)
    assert await yard.pulled(first) == start
    other = Pulls(yard.dump.catalog)
    home = (await yard.dump.region.read(lambda db: repositories.get(db, REGISTRY.repository(API)))).id
    other.note(by(start + TICK), REGISTRY, home, first)
    await other.write()
    assert await yard.pulled(first) == start, "another process wrote within the hour"
    other.note(by(start + COARSENESS + TICK), REGISTRY, home, first)
    other.note(by(start), REGISTRY, 10**6, first)
    await yard.dump.delete(second)
    other.note(by(start), REGISTRY, home, second)
    await other.write()
    assert await yard.pulled(first) == start + COARSENESS + TICK
    rows = await yard.dump.region.read(lambda db: db.execute(select(schema.image_pull)).all())
    assert [row.digest for row in rows] == [str(first)]


async def test_pulls_of_an_excluded_principal_are_not_recorded_and_hide_no_others(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    await PullTimeExclusions(AllowAll(), yard.dump.catalog).register(ME, REGISTRY, ME.principal_arn)
    await note(yard, first)
    assert await yard.pulled(first) is None
    home = (await yard.dump.region.read(lambda db: repositories.get(db, REGISTRY.repository(API)))).id
    other = replace(by(yard.dump.world.now()), principal_arn="arn:aws:iam::111122223333:user/other")
    yard.pulls.note(other, REGISTRY, home, first)
    await yard.pulls.write()
    assert await yard.pulled(first) == yard.dump.world.now()


async def test_an_archived_referrer_is_listed_on_request(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": str(first), "size": 1}
    signature = await yard.push(1, subject=subject)
    await yard.update(signature, StorageClass.ARCHIVE)
    referrers = Referrers(AllowAll(), yard.dump.catalog)
    for status, found in ((ImageStatus.ACTIVE, []), (ImageStatus.ARCHIVED, [signature]), (None, [signature])):
        page = await referrers.page(ME, REGISTRY.repository(API), WantedReferrers(first, status=status), PageRequest())
        assert [each.digest for each in page.items] == found


async def test_a_look_at_an_image_is_no_pull(yard: Yard) -> None:
    (first,) = await yard.fill(1)
    await yard.dump.images.look(ME, REGISTRY.repository(API), ImageId(first, None))
    await yard.pulls.write()
    assert await yard.pulled(first) is None
    await yard.dump.images.get(ME, REGISTRY.repository(API), ImageId(first, None))
    await yard.pulls.write()
    rows = await yard.dump.region.read(lambda db: db.execute(select(schema.image_pull)).all())
    assert [row.digest for row in rows] == [str(first)]


def rows_of(db: Connection, table: Table) -> int:
    return db.execute(select(func.count()).select_from(table)).scalar_one()


def by(at: datetime) -> Caller:
    return replace(ME, origin=replace(ME.origin, at=at))


async def note(yard: Yard, digest: Digest) -> None:
    home = (await yard.dump.region.read(lambda db: repositories.get(db, REGISTRY.repository(API)))).id
    yard.pulls.note(by(yard.dump.world.now()), REGISTRY, home, digest)
    await yard.pulls.write()


async def scanned(yard: Yard) -> list[Digest]:
    due = await yard.dump.region.read(lambda db: scans.due(db, REGION, yard.dump.world.now(), 10))
    return [each.image.digest for each in due]


async def owed(yard: Yard) -> list[str]:
    rows = await yard.dump.region.read(lambda db: db.execute(select(schema.delivery.c.tag)).scalars().all())
    return sorted(rows)
