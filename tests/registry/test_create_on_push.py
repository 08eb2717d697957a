"""The verb that creates a repository for a push, on either database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogs import ENGINES, emptied
from tests.creation import create_on_push, template_roles
from tests.fakes import ACCOUNT, NOW, OTHER_REGION, REGION, REGISTRY, AllowAll, AskedOneByOne, RecordingGate, caller
from twinport.access.gate import NO_CONTEXT, Context, Resource
from twinport.catalog.ports import Catalog, WholeCatalog
from twinport.catalog.regional import creation_templates, repositories
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.model.creation_templates import ROOT, AppliedFor, CreationTemplate, Encryption, keys_for
from twinport.model.identities import TEMPLATE_SERVICE, Caller
from twinport.model.images import Mutability, NewRepository, Repository, TagRule
from twinport.model.names import RepositoryName
from twinport.refusals.images import EncryptionRefused, RepositoryNotFound, TooManyRepositories
from twinport.refusals.requests import InvalidParameter
from twinport.registry.create_on_push import CreateOnPush, pushed
from twinport.registry.creation_templates import MOST_IN_A_PAGE, CreationTemplates
from twinport.registry.paging import PageRequest
from twinport.settings.deviations import Quotas

NAME, PUT = RepositoryName("prod/api"), "ecr:PutImage"
TEMPLATE = CreationTemplate("prod", (AppliedFor.CREATE_ON_PUSH,))
IMMUTABLE = TagRule(Mutability.IMMUTABLE)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    clock = ManualClock(NOW)
    catalog = await emptied(request, tmp_path, clock)
    await ServiceLinkedRoles(catalog, AllowAll(), clock).ensure(caller(), ACCOUNT, TEMPLATE_SERVICE)
    yield catalog
    catalog.close()


async def store(catalog: Catalog, template: CreationTemplate = TEMPLATE) -> None:
    await catalog.region(REGION).write(lambda db: creation_templates.insert(db, REGISTRY, template, NOW))


async def found(catalog: Catalog, name: RepositoryName = NAME) -> Repository | None:
    return await catalog.region(REGION).read(lambda db: repositories.find(db, REGISTRY.repository(name)))


@dataclass
class ChangingGate(AskedOneByOne):
    """A gate before whose answer about the template's role another request changes the template, some times."""

    catalog: Catalog
    left: int
    asked: list[str] = field(default_factory=list)

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        del resource, context
        self.asked.append(f"{action} {caller.account == ACCOUNT and caller.session is not None}")
        if caller.session is not None and self.left:
            self.left -= 1
            changed = CreationTemplate("prod", TEMPLATE.applied_for, f"change {self.left}", tag_rule=IMMUTABLE)
            await self.catalog.region(REGION).write(lambda db: creation_templates.replace(db, REGISTRY, changed, NOW))


async def test_pushes_at_once_find_one_repository(catalog: WholeCatalog) -> None:
    await store(catalog)
    verb = create_on_push(catalog, AllowAll(), ManualClock(NOW))
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(verb.create(caller(), REGISTRY.repository(NAME), PUT))
    assert await found(catalog)


async def test_a_repository_that_is_there_by_now_stays_as_it_is(catalog: WholeCatalog) -> None:
    await store(catalog)
    await catalog.region(REGION).write(
        lambda db: repositories.insert(db, REGISTRY.repository(NAME), NewRepository(IMMUTABLE), NOW)
    )
    await create_on_push(catalog, AllowAll(), ManualClock(NOW)).create(caller(), REGISTRY.repository(NAME), PUT)
    repository = await found(catalog)
    assert repository is not None
    assert repository.tag_rule == IMMUTABLE


async def test_the_push_the_creation_and_the_role_are_asked_about_in_this_order(catalog: WholeCatalog) -> None:
    await store(catalog)
    gate = RecordingGate()
    await create_on_push(catalog, gate, ManualClock(NOW)).create(caller(), REGISTRY.repository(NAME), PUT)
    arn = REGISTRY.repository_arn(NAME)
    assert gate.asked == [(PUT, arn), ("ecr:CreateRepository", arn), ("ecr:CreateRepository", arn)]


@pytest.mark.parametrize("denied", [PUT, "ecr:CreateRepository"])
async def test_a_denial_creates_nothing(catalog: WholeCatalog, denied: str) -> None:
    await store(catalog)
    verb = create_on_push(catalog, RecordingGate(frozenset({denied})), ManualClock(NOW))
    with pytest.raises(AccessDenied):
        await verb.create(caller(), REGISTRY.repository(NAME), PUT)
    assert await found(catalog) is None


async def test_a_template_that_changes_meanwhile_is_decided_about_again(catalog: WholeCatalog) -> None:
    await store(catalog)
    gate = ChangingGate(catalog, 1)
    await create_on_push(catalog, gate, ManualClock(NOW)).create(caller(), REGISTRY.repository(NAME), PUT)
    assert gate.asked.count("ecr:CreateRepository True") == 2
    repository = await found(catalog)
    assert repository is not None
    assert repository.tag_rule == IMMUTABLE


async def test_the_quota_of_repositories_counts_for_a_push_too(catalog: WholeCatalog) -> None:
    await store(catalog)
    roles, regions = template_roles(catalog, AllowAll()), (REGION, OTHER_REGION)
    verb = CreateOnPush(AllowAll(), catalog, roles, ManualClock(NOW), regions, Quotas(repositories=1))
    await verb.create(caller(), REGISTRY.repository(NAME), PUT)
    with pytest.raises(TooManyRepositories):
        await verb.create(caller(), REGISTRY.repository(RepositoryName("prod/web")), PUT)
    assert await found(catalog, RepositoryName("prod/web")) is None


async def test_a_key_is_refused_where_the_operator_takes_none(catalog: WholeCatalog) -> None:
    await store(catalog, CreationTemplate("prod", TEMPLATE.applied_for, encryption=Encryption("KMS")))
    verb = create_on_push(catalog, AllowAll(), ManualClock(NOW))
    with pytest.raises(EncryptionRefused):
        await verb.create(caller(), REGISTRY.repository(NAME), PUT)
    assert await found(catalog) is None


async def test_no_push_creates_a_name_that_would_be_another_registrys_path(catalog: WholeCatalog) -> None:
    await store(catalog, CreationTemplate(ROOT, TEMPLATE.applied_for))
    verb = create_on_push(catalog, AllowAll(), ManualClock(NOW))
    name = RepositoryName(f"{ACCOUNT}/{REGION}/api")
    with pytest.raises(InvalidParameter):
        await verb.create(caller(), REGISTRY.repository(name), PUT)
    assert await found(catalog, name) is None


async def test_a_page_of_templates_is_no_larger_than_a_hundred(catalog: WholeCatalog) -> None:
    for number in range(MOST_IN_A_PAGE + 1):
        await store(catalog, CreationTemplate(f"prefix-{number:03}", (AppliedFor.CREATE_ON_PUSH,)))
    clock = ManualClock(NOW)
    templates = CreationTemplates(AllowAll(), catalog, ServiceLinkedRoles(catalog, AllowAll(), clock), clock)
    page = await templates.list(caller(), REGISTRY, None, PageRequest(1000))
    assert len(page.items) == MOST_IN_A_PAGE
    rest = await templates.list(caller(), REGISTRY, None, PageRequest(1000, page.token))
    assert ([each.template.prefix for each in rest.items], rest.token) == (["prefix-100"], None)


async def test_a_push_is_tried_twice_at_most(catalog: WholeCatalog) -> None:
    await store(catalog)
    verb, tries = create_on_push(catalog, AllowAll(), ManualClock(NOW)), 0

    async def push() -> None:
        nonlocal tries
        tries += 1
        raise RepositoryNotFound(NAME, ACCOUNT)

    with pytest.raises(RepositoryNotFound):
        await pushed(verb, caller(), REGISTRY.repository(NAME), PUT, push)
    assert tries == 2


# --- which template matches ---------------------------------------------------------------------------------

SEGMENTS = st.lists(st.sampled_from(["a", "ab", "b"]), min_size=1, max_size=4)


@given(SEGMENTS, SEGMENTS)
def test_a_prefix_matches_whole_segments_and_never_the_whole_name(prefix: list[str], name: list[str]) -> None:
    matches = len(prefix) < len(name) and name[: len(prefix)] == prefix
    assert ("/".join(prefix) in keys_for("/".join(name))) == matches


@given(SEGMENTS)
def test_the_longest_prefix_comes_first_and_root_last(name: list[str]) -> None:
    *prefixes, last = keys_for("/".join(name))
    assert last == ROOT
    assert prefixes == sorted(prefixes, key=len, reverse=True)
