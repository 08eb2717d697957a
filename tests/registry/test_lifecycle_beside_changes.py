"""While clients change a repository between the transactions of a run, it deletes only what its policy would then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from tests.fakes import REGISTRY
from tests.registry.dump import API, ME, Dump
from tests.registry.test_lifecycle import REGION, Yard, rule
from twinport.catalog.ports import Database, WholeCatalog
from twinport.catalog.regional import lifecycle, repositories
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.images import ImageFilter, ImageId, NamedImage
from twinport.model.lifecycle import select as decide
from twinport.model.lifecycle_policies import ActionType, StorageClass, parse_policy
from twinport.model.names import RegionName, TagName
from twinport.registry.lifecycle_runs import INTERVAL
from twinport.registry.paging import PageRequest
from twinport.registry.pulls import MARGIN

T = TypeVar("T")
ROUNDS = 10
TAGS = [TagName(text) for text in ("v1", "v2", "v3", "v4", "latest")]
RULES = (
    rule(1, tagStatus="tagged", tagPatternList=["v*"], countNumber=3),
    rule(2, tagStatus="untagged", countNumber=2),
    rule(3, countNumber=4),
)


@dataclass
class Clients:
    """Clients that change the repository now and then, by the verbs."""

    yard: Yard
    random: Random
    pushed: int = 100

    async def come(self) -> None:
        while self.random.random() < 0.6:
            await self.random.choice(
                [self.push, self.push_untagged, self.move_tag, self.delete, self.untag, self.store]
            )()

    async def push(self) -> None:
        self.pushed += 1
        digest = await self.yard.push(self.pushed)
        await self.tag(digest, self.random.choice(TAGS))

    async def push_untagged(self) -> None:
        self.pushed += 1
        await self.yard.push(self.pushed, annotations={"pushed": "without a tag"})

    async def move_tag(self) -> None:
        await self.with_one(lambda digest: self.tag(digest, self.random.choice(TAGS)))

    async def delete(self) -> None:
        await self.with_one(self.yard.dump.delete)

    async def untag(self) -> None:
        await self.yard.dump.images.delete(ME, REGISTRY.repository(API), [NamedImage(None, self.random.choice(TAGS))])

    async def store(self) -> None:
        target = self.random.choice([StorageClass.ARCHIVE, StorageClass.STANDARD])
        await self.with_one(
            lambda digest: self.yard.storage.update(ME, REGISTRY.repository(API), ImageId(digest, None), target)
        )

    async def tag(self, digest: Digest, tag: TagName) -> None:
        images = self.yard.dump.images
        content = (await images.look(ME, REGISTRY.repository(API), ImageId(digest, None))).content
        await images.put(ME, REGISTRY.repository(API), Push(content, None, (tag,), None, Unchanged.ACCEPT))

    async def with_one(self, change: Callable[[Digest], Awaitable[object]]) -> None:
        page = await self.yard.dump.images.list(ME, REGISTRY.repository(API), ImageFilter(), PageRequest(100))
        if page.items:
            image = self.random.choice(page.items)
            assert image.digest is not None
            await change(image.digest)


@dataclass
class Watched:
    """A catalog of a run: clients come before each write, and each write is compared with the policy of that moment."""

    catalog: WholeCatalog
    clients: Clients
    deleted: int = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — whatever the catalog has
        return getattr(self.catalog, name)

    def region(self, name: RegionName) -> "WatchedDatabase":
        return WatchedDatabase(self, self.catalog.region(name))

    def compared(self, db: Connection, transaction: Callable[[Connection], T]) -> T:
        repository = repositories.get(db, REGISTRY.repository(API))
        policy = lifecycle.find(db, repository.id)
        assert policy is not None
        before = lifecycle.page(db, repository.id, "", 1000)
        plan = decide(parse_policy(policy.text), before, self.catalog.now(db), MARGIN)
        result = transaction(db)
        gone = {each.digest for each in before} - {each.digest for each in lifecycle.page(db, repository.id, "", 1000)}
        assert gone <= {each.image.digest for each in plan.actions if each.kind is ActionType.EXPIRE}
        self.deleted += len(gone)
        return result


@dataclass
class WatchedDatabase:
    process: Watched
    database: Database

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — as above
        return getattr(self.database, name)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        await self.process.clients.come()
        return await self.database.write(lambda db: self.process.compared(db, transaction))


@pytest.fixture
async def yard(catalog: WholeCatalog, tmp_path: Path) -> Yard:
    yard = Yard(Dump(catalog, tmp_path))
    await yard.dump.make()
    return yard


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.large)])
async def test_a_run_deletes_only_what_its_policy_would_at_that_moment(yard: Yard, seed: int) -> None:
    await yard.fill(8)
    await yard.put(*RULES)
    watched = Watched(yard.dump.catalog, Clients(yard, Random(seed)))
    for _ in range(ROUNDS):
        await yard.runs(catalog=watched, at_once=1).look(REGION)
        yard.dump.world.advance(INTERVAL + timedelta(seconds=1))
    assert watched.deleted > 0
