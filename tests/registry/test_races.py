"""What SQLite's serial order hides: verbs that meet in one PostgreSQL, by two processes, with a deadline on each race.

Every race is run a few times; what must hold, holds whichever was first.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest

from tests.fakes import ACCOUNT, NOW, OTHER_REGION, REGION, REGISTRY, AllowAll, caller
from tests.shelf import API, Shelf, image_of, index_of
from tests.waiting import PATIENCE_SECONDS
from twinport.catalog import deletions
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import delivery_reports, images, outbox, registries, repositories
from twinport.clock import ManualClock
from twinport.errors import Refusal
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.deletions import DeletionTask, Fenced, InUse
from twinport.model.images import Mutability, NamedImage, TagRule
from twinport.model.names import Registry, TagName
from twinport.model.replication import Delivery, Landed, Lane, ReplicationConfiguration, ReplicationRule
from twinport.refusals.identities import RoleFenced
from twinport.refusals.images import ReferencedImagesMissing, RepositoryNotFound, TagImmutable
from twinport.registry.images import Images
from twinport.registry.replication import Replication
from twinport.registry.repositories import Contents, Repositories

THERE = Registry(ACCOUNT, OTHER_REGION)
REGIONS = (REGION, OTHER_REGION)
CONFIG, ROUNDS = b"{}", 6
RULES = ReplicationConfiguration((ReplicationRule((THERE,)),))
NO_RULES = ReplicationConfiguration()
V1 = TagName("v1")
LEASE, LANDED = timedelta(seconds=30), Landed(0, "session")


@dataclass(frozen=True)
class Process:
    """The verbs as one process has them, with connections of its own."""

    catalog: PostgresCatalog
    images: Images
    repositories: Repositories
    replication: Replication

    async def push(self, content: bytes, *tags: TagName) -> bool:
        """Push, and tell whether it was accepted."""
        push = Push(content, None, tags, None, Unchanged.ACCEPT)
        try:
            await self.images.put(caller(), REGISTRY.repository(API), push)
        except (TagImmutable, RepositoryNotFound, ReferencedImagesMissing):
            return False
        return True


def process(address: str) -> Process:
    catalog, gate, world = PostgresCatalog(address, ManualClock(NOW)), AllowAll(), ManualClock(NOW)
    roles = ServiceLinkedRoles(catalog, gate, world)
    return Process(
        catalog,
        Images(gate, catalog, lambda: None),
        Repositories(gate, catalog, world, REGIONS),
        Replication(gate, catalog, roles, REGIONS),
    )


@pytest.fixture
def processes(postgres_address: str) -> Iterator[tuple[Process, Process]]:
    both = process(postgres_address), process(postgres_address)
    yield both
    for each in both:
        each.catalog.close()


@pytest.fixture
async def shelf(processes: tuple[Process, Process]) -> Shelf:
    shelf = Shelf(processes[0].catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG)
    return shelf


async def together(*work: Awaitable[object]) -> list[object]:
    """Do everything at once; an unresolved deadlock is a failure. Refusals are results."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        results = await asyncio.gather(*work, return_exceptions=True)
    for each in results:
        if isinstance(each, BaseException) and not isinstance(each, Refusal):
            raise each
    return list(results)


def numbered(number: int) -> bytes:
    return image_of(CONFIG, annotations={"number": str(number)})


async def tagged(shelf: Shelf, tag: str) -> Digest | None:
    return await shelf.catalog.region(REGION).read(
        lambda db: images.tagged(db, repositories.get(db, REGISTRY.repository(API)).id, tag)
    )


async def test_of_two_pushes_of_one_tag_the_later_position_has_it(
    processes: tuple[Process, Process], shelf: Shelf
) -> None:
    await shelf.replicate_to(THERE)
    pushes = [processes[number % 2].push(numbered(number), V1) for number in range(4 * ROUNDS)]
    assert all(await together(*pushes))
    owed = await shelf.owed()
    assert sorted(each.position.sequence for each in owed) == list(range(1, 4 * ROUNDS + 1))
    assert await tagged(shelf, V1) == max(owed, key=lambda each: each.position).digest


@pytest.mark.usefixtures("shelf")
async def test_of_two_pushes_to_an_immutable_tag_one_wins(processes: tuple[Process, Process]) -> None:
    one, other = processes
    await one.repositories.set_tag_rule(caller(), REGISTRY.repository(API), TagRule(Mutability.IMMUTABLE))
    for number in range(ROUNDS):
        tag = TagName(f"v{number}")
        results = await together(one.push(numbered(2 * number), tag), other.push(numbered(2 * number + 1), tag))
        assert sorted(map(bool, results)) == [False, True]


async def test_an_index_never_names_an_image_that_was_deleted_meanwhile(
    processes: tuple[Process, Process], shelf: Shelf
) -> None:
    one, other = processes
    for number in range(ROUNDS):
        child = numbered(number)
        await one.push(child)
        named = [NamedImage(str(Digest.of(child)))]
        await together(one.push(index_of(child)), other.images.delete(caller(), REGISTRY.repository(API), named))
        assert await has(shelf, child) or not await has(shelf, index_of(child))


async def has(shelf: Shelf, content: bytes) -> bool:
    return await shelf.catalog.region(REGION).read(
        lambda db: images.holds(db, repositories.get(db, REGISTRY.repository(API)).id, Digest.of(content))
    )


async def test_an_acknowledged_push_is_never_in_a_repository_deleted_as_empty(
    processes: tuple[Process, Process], shelf: Shelf
) -> None:
    one, other = processes
    for number in range(ROUNDS):
        pushed, deleted = await together(
            one.push(numbered(number), V1),
            other.repositories.delete(caller(), REGISTRY.repository(API), Contents.SPARED),
        )
        assert pushed is isinstance(deleted, Refusal)
        if pushed:
            await other.repositories.delete(caller(), REGISTRY.repository(API), Contents.DELETED)
        await shelf.make_repository()
        await shelf.hold(CONFIG)


async def test_a_tag_moves_no_more_once_its_rule_was_acknowledged(
    processes: tuple[Process, Process], shelf: Shelf
) -> None:
    one, other = processes
    for number in range(ROUNDS):
        await one.repositories.set_tag_rule(caller(), REGISTRY.repository(API), TagRule())
        await one.push(numbered(3 * number), V1)
        await together(
            one.push(numbered(3 * number + 1), V1),
            other.repositories.set_tag_rule(caller(), REGISTRY.repository(API), TagRule(Mutability.IMMUTABLE)),
        )
        before = await tagged(shelf, V1)
        assert not await other.push(numbered(3 * number + 2), V1)
        assert await tagged(shelf, V1) == before


async def test_nothing_waits_under_rules_that_were_taken_away(processes: tuple[Process, Process], shelf: Shelf) -> None:
    one, other = processes
    for number in range(ROUNDS):
        await one.replication.put(caller(), REGISTRY, RULES)
        await together(
            one.push(numbered(number), V1),
            other.replication.put(caller(), REGISTRY, NO_RULES),
            one.push(numbered(1000 + number), TagName("v2")),
        )
        assert await shelf.catalog.region(REGION).read(lambda db: delivery_reports.unsettled(db, ACCOUNT)) == 0


async def test_two_workers_on_one_lane_never_hold_the_same_delivery(
    processes: tuple[Process, Process], shelf: Shelf
) -> None:
    await shelf.replicate_to(THERE)
    for number in range(12):
        await processes[0].push(numbered(number))
    lane = Lane(REGISTRY, THERE)

    async def work(holder: str, at: Process) -> list[str]:
        taken: list[str] = []
        while batch := await claim(at, lane, holder):
            for each in batch:
                await at.catalog.region(REGION).write(
                    partial(outbox.settle_complete, done=[(each, LANDED)], holder=holder, now=NOW)
                )
                taken.append(each.id)
        return taken

    results = await together(*(work(f"worker {n}", processes[n % 2]) for n in range(4)))
    taken = [id_ for each in results if isinstance(each, list) for id_ in each]
    assert sorted(taken) == sorted(each.id for each in await shelf.owed())
    assert await shelf.catalog.region(REGION).read(outbox.next_due) is None


async def claim(at: Process, lane: Lane, holder: str) -> list[Delivery]:
    return await at.catalog.region(REGION).write(lambda db: outbox.claim(db, lane, holder, NOW, lease=LEASE, limit=2))


@pytest.mark.usefixtures("shelf")
async def test_rules_never_stand_under_a_role_that_was_fenced_off(processes: tuple[Process, Process]) -> None:
    one, other = processes
    for number in range(ROUNDS):
        role = f"AROA{number}"
        task = DeletionTask(f"task/{number}", ACCOUNT, role, "name", NOW, NOW)
        put = deletions.claiming(
            ACCOUNT, role, frozenset(), lambda db, id_: registries.set_replication(db, ACCOUNT, RULES, id_)
        )
        answer, stored = await together(
            one.catalog.region(REGION).write(partial(deletions.usage_and_fence, task=task)),
            other.catalog.region(REGION).write(put),
        )
        assert isinstance(answer, Fenced) == isinstance(stored, RoleFenced)
        assert isinstance(answer, InUse) == (stored is None)
        await one.catalog.region(REGION).write(lambda db: registries.set_replication(db, ACCOUNT, NO_RULES, None))
