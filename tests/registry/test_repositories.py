"""Repositories, and their tags."""

from pathlib import Path

import pytest

from tests.catalogs import TimedCatalog
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT, OTHER_REGION, REGION, REGISTRY, AllowAll, RecordingGate, caller
from twinport.access.gate import Gate
from twinport.blobs.files import FileBlobStores
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import schema
from twinport.clock import ManualClock
from twinport.model.images import Mutability, NewRepository, TagRule
from twinport.model.names import Registry, RepositoryName
from twinport.refusals.images import RepositoryExists, RepositoryNotEmpty, RepositoryNotFound
from twinport.refusals.requests import InvalidParameter, TooManyTags
from twinport.registry.garbage import Garbage
from twinport.registry.paging import PageRequest
from twinport.registry.repositories import Contents, Repositories, RepositoryTags
from twinport.settings.retention import Retention

API = RepositoryName("team/api")
PLAIN = NewRepository()
THERE = Registry(ACCOUNT, OTHER_REGION)


def repositories(catalog: WholeCatalog, gate: Gate | None = None) -> Repositories:
    return Repositories(gate or AllowAll(), catalog, ManualClock(NOW), (REGION, OTHER_REGION))


def tags_of(catalog: WholeCatalog, gate: Gate | None = None) -> RepositoryTags:
    return RepositoryTags(gate or AllowAll(), catalog)


async def test_a_plain_repository_is_mutable_and_encrypted_with_aes256(catalog: WholeCatalog) -> None:
    made = await repositories(catalog).create(caller(), REGISTRY.repository(API), PLAIN)
    assert (made.tag_rule, made.encryption, made.scan_on_push) == (TagRule(), "AES256", False)
    assert made.arn == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/api"
    assert made.created_at == NOW


async def test_a_name_taken_in_one_registry_is_free_in_the_others(catalog: WholeCatalog) -> None:
    verbs = repositories(catalog)
    for registry in (REGISTRY, THERE, Registry(OTHER_ACCOUNT, REGION)):
        await verbs.create(caller(), registry.repository(API), PLAIN)
    with pytest.raises(RepositoryExists, match="team/api"):
        await verbs.create(caller(), REGISTRY.repository(API), PLAIN)


async def test_creating_with_tags_asks_for_tagging_too_and_tells_the_gate_which(catalog: WholeCatalog) -> None:
    gate = RecordingGate()
    await repositories(catalog, gate).create(caller(), REGISTRY.repository(API), NewRepository(tags={"team": "a"}))
    assert [action for action, _ in gate.asked] == ["ecr:CreateRepository", "ecr:TagResource"]
    assert gate.contexts == [{"aws:TagKeys": ("team",), "aws:RequestTag/team": ("a",)}] * 2


async def test_a_name_that_reads_as_a_registry_at_the_edge_is_refused(catalog: WholeCatalog) -> None:
    verbs = repositories(catalog)
    with pytest.raises(InvalidParameter, match="repositoryName"):
        await verbs.create(caller(), REGISTRY.repository(RepositoryName(f"{OTHER_ACCOUNT}/{OTHER_REGION}/api")), PLAIN)
    await verbs.create(caller(), REGISTRY.repository(RepositoryName(f"{OTHER_ACCOUNT}/nowhere-1/api")), PLAIN)


async def test_named_repositories_are_described_in_the_order_asked(catalog: WholeCatalog) -> None:
    verbs = repositories(catalog)
    names = [RepositoryName("bb"), RepositoryName("aa")]
    for name in names:
        await verbs.create(caller(), REGISTRY.repository(name), PLAIN)
    assert [each.name for each in await verbs.describe(caller(), REGISTRY, names)] == names
    with pytest.raises(RepositoryNotFound, match="'cc' does not exist in the registry with id '111122223333'"):
        await verbs.describe(caller(), REGISTRY, [*names, RepositoryName("cc")])


async def test_pages_show_every_repository_of_the_registry_once(catalog: WholeCatalog) -> None:
    verbs = repositories(catalog)
    names = [f"r{number}" for number in range(5)]
    for name in names:
        await verbs.create(caller(), REGISTRY.repository(RepositoryName(name)), PLAIN)
    await verbs.create(caller(), Registry(OTHER_ACCOUNT, REGION).repository(API), PLAIN)
    met: list[str] = []
    page = await verbs.list(caller(), REGISTRY, PageRequest(2))
    while page.token is not None:
        met += [each.name for each in page.items]
        page = await verbs.list(caller(), REGISTRY, PageRequest(2, page.token))
    assert met + [each.name for each in page.items] == names


async def test_a_token_of_one_registry_is_refused_at_another(catalog: WholeCatalog) -> None:
    verbs = repositories(catalog)
    for name in ("aa", "bb"):
        await verbs.create(caller(), REGISTRY.repository(RepositoryName(name)), PLAIN)
    token = (await verbs.list(caller(), REGISTRY, PageRequest(1))).token
    with pytest.raises(InvalidParameter, match="nextToken"):
        await verbs.list(caller(), THERE, PageRequest(1, token))


async def test_a_list_by_prefix_has_the_names_that_begin_with_it_and_its_pages_no_others(catalog: WholeCatalog) -> None:
    verbs = repositories(catalog)
    names = ("team", "team-web", "team/api", "team/web", "tea/m", "teams/api", "zeta")
    for name in names:
        await verbs.create(caller(), REGISTRY.repository(RepositoryName(name)), PLAIN)
    for prefix in ("team", "team/", "t", "z", "none", "team/api", "Team", "%", "~"):
        found: list[str] = []
        page = await verbs.list(caller(), REGISTRY, PageRequest(2), prefix)
        found += [each.name for each in page.items]
        while page.token:
            page = await verbs.list(caller(), REGISTRY, PageRequest(2, page.token), prefix)
            found += [each.name for each in page.items]
        assert found == sorted(name for name in names if name.startswith(prefix))


async def test_a_page_of_one_prefix_does_not_go_on_in_another(catalog: WholeCatalog) -> None:
    verbs = repositories(catalog)
    for name in ("team/a", "team/b"):
        await verbs.create(caller(), REGISTRY.repository(RepositoryName(name)), PLAIN)
    page = await verbs.list(caller(), REGISTRY, PageRequest(1), "team/")
    with pytest.raises(InvalidParameter):
        await verbs.list(caller(), REGISTRY, PageRequest(1, page.token), "t")


async def test_a_list_is_asked_of_every_repository(catalog: WholeCatalog) -> None:
    gate = RecordingGate()
    await repositories(catalog, gate).list(caller(), REGISTRY, PageRequest())
    assert gate.asked == [("ecr:DescribeRepositories", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*")]


def add_image(db: Connection) -> None:
    db.execute(
        schema.manifest.insert().values(
            repository_id=only_repository(db),
            digest="sha256:0",
            media_type="m",
            content=b"{}",
            image_size=1,
            pushed_at=NOW,
        )
    )


async def sweep_up(catalog: WholeCatalog, folder: Path) -> None:
    await Garbage(TimedCatalog(catalog, ManualClock(NOW)), FileBlobStores(folder), Retention()).sweep(REGION)


async def test_a_repository_with_images_goes_only_with_them(catalog: WholeCatalog, tmp_path: Path) -> None:
    verbs = repositories(catalog)
    await verbs.create(caller(), REGISTRY.repository(API), PLAIN)
    await catalog.region(REGION).write(add_image)
    with pytest.raises(RepositoryNotEmpty, match="cannot be deleted because it still contains images"):
        await verbs.delete(caller(), REGISTRY.repository(API), Contents.SPARED)
    gone = await verbs.delete(caller(), REGISTRY.repository(API), Contents.DELETED)
    assert gone.name == API
    await sweep_up(catalog, tmp_path)
    assert await catalog.region(REGION).read(lambda db: db.execute(schema.manifest.select()).all()) == []


def only_repository(db: Connection) -> int:
    return int(db.execute(schema.repository.select()).scalar_one())


def add_upload(db: Connection) -> None:
    row = {"id": "u", "repository_id": only_repository(db), "size": 3, "created_at": NOW, "touched_at": NOW}
    db.execute(schema.upload.insert().values(row))
    db.execute(schema.upload_segment.insert().values(upload_id="u", first_byte=0, size=3, key="k1", digest="d"))


async def test_the_bytes_of_an_unfinished_upload_are_left_to_the_sweep(catalog: WholeCatalog, tmp_path: Path) -> None:
    verbs = repositories(catalog)
    await verbs.create(caller(), REGISTRY.repository(API), PLAIN)
    await catalog.region(REGION).write(add_upload)
    await verbs.delete(caller(), REGISTRY.repository(API), Contents.SPARED)
    await sweep_up(catalog, tmp_path)
    discarded = await catalog.region(REGION).read(lambda db: db.execute(schema.discarded_key.select()).all())
    assert [tuple(row) for row in discarded] == [("k1", NOW, None)]


async def test_a_tag_rule_holds_from_when_it_is_set(catalog: WholeCatalog) -> None:
    verbs = repositories(catalog)
    await verbs.create(caller(), REGISTRY.repository(API), PLAIN)
    rule = TagRule(Mutability.IMMUTABLE_WITH_EXCLUSION, ("dev-*", "latest"))
    await verbs.set_tag_rule(caller(), REGISTRY.repository(API), rule)
    assert (await verbs.describe(caller(), REGISTRY, [API]))[0].tag_rule == rule


async def test_tags_are_added_replaced_and_removed(catalog: WholeCatalog) -> None:
    await repositories(catalog).create(caller(), REGISTRY.repository(API), NewRepository(tags={"a": "1", "b": "2"}))
    verbs = tags_of(catalog)
    await verbs.put(caller(), REGISTRY.repository(API), {"b": "3", "c": "4"})
    await verbs.remove(caller(), REGISTRY.repository(API), ["a", "never"])
    assert await verbs.list(caller(), REGISTRY.repository(API)) == {"b": "3", "c": "4"}


async def test_a_fifty_first_tag_is_refused_and_changes_nothing(catalog: WholeCatalog) -> None:
    tags = {f"k{number}": "v" for number in range(50)}
    await repositories(catalog).create(caller(), REGISTRY.repository(API), NewRepository(tags=tags))
    verbs = tags_of(catalog)
    with pytest.raises(TooManyTags):
        await verbs.put(caller(), REGISTRY.repository(API), {"k0": "new", "one more": "v"})
    assert await verbs.list(caller(), REGISTRY.repository(API)) == tags
