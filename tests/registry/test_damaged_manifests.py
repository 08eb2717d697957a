"""A manifest whose bytes went bad in the catalog is found, served to no client, and healed by any push of it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.fakes import REGISTRY
from tests.registry.dump import API, ME, OTHER, REGION, TICK, Dump
from tests.shelf import image_of
from twinport.blobs.throughput_limit import UNHURRIED
from twinport.catalog.engine import leases
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import schema
from twinport.catalog.regional.verification import Scope
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.images import ImageId, Mutability, NamedImage, NewRepository, TagRule
from twinport.model.names import AccountId, RepositoryName, TagName
from twinport.refusals.images import ImageInaccessible, TagImmutable
from twinport.registry.named_images import FailureCode

CONFIG, LAYER = b"config", b"a layer"
MANIFEST = image_of(CONFIG, LAYER)
DIGEST = Digest.of(MANIFEST)
MONTH = timedelta(days=30)


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    dump = Dump(catalog, tmp_path)
    await dump.make()
    await dump.push(CONFIG, LAYER)
    return dump


async def spoil(dump: Dump, digest: Digest = DIGEST, content: bytes = MANIFEST.replace(b"a", b"e", 1)) -> None:
    statement = update(schema.manifest).where(schema.manifest.c.digest == str(digest)).values(content=content)
    await dump.region.write(lambda db: db.execute(statement))


async def get(dump: Dump, digest: Digest = DIGEST, name: RepositoryName = API) -> bytes:
    return (await dump.images.get(ME, REGISTRY.repository(name), ImageId(digest, None))).content


async def damaged(dump: Dump, scope: Scope | None = None) -> list[Digest]:
    found = [each async for each in dump.verification.manifests.verify_all(REGION, scope or Scope(), UNHURRIED)]
    return [each.manifest.digest for each in found if each.is_damaged]


def events(capfd: pytest.CaptureFixture[str], name: str) -> list[dict[str, object]]:
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    return [event for event in said if event["event"] == name]


async def test_a_damaged_manifest_is_served_to_no_client_even_before_verification(
    dump: Dump, capfd: pytest.CaptureFixture[str]
) -> None:
    await spoil(dump)
    with pytest.raises(ImageInaccessible):
        await get(dump)
    [said] = events(capfd, "manifest.damaged")
    assert (said["level"], said["digest"], said["repository"]) == ("error", str(DIGEST), API)


async def test_a_damaged_manifest_of_a_batch_fails_and_the_others_are_given(dump: Dump) -> None:
    second = await dump.push(CONFIG, tag="second")
    await spoil(dump)
    batch = [NamedImage(str(DIGEST)), NamedImage(None, "second"), NamedImage(None, "absent")]
    gotten = await dump.images.get_many(ME, REGISTRY.repository(API), batch)
    assert [each.digest for each in gotten.found] == [second]
    failures = {(each.named, each.code) for each in gotten.failures}
    assert failures == {(batch[0], FailureCode.INACCESSIBLE), (batch[2], FailureCode.NOT_FOUND)}


async def test_a_large_manifest_is_compared_too(dump: Dump) -> None:
    large = image_of(CONFIG, annotations={"text": "x" * (1 << 19)})
    push = Push(large, None, (TagName("large"),), None, Unchanged.ACCEPT)
    digest = (await dump.images.put(ME, REGISTRY.repository(API), push)).digest
    assert await get(dump, digest) == large
    await spoil(dump, digest, large[:-1])
    with pytest.raises(ImageInaccessible):
        await get(dump, digest)


async def test_verification_finds_it_and_says_where(dump: Dump, capfd: pytest.CaptureFixture[str]) -> None:
    assert await damaged(dump) == []
    await spoil(dump)
    assert await damaged(dump) == [DIGEST]
    [said] = events(capfd, "manifest.damaged")
    assert (said["level"], said["account"], said["repository"]) == ("error", REGISTRY.account, API)


async def test_only_what_is_meant_is_looked_at(dump: Dump) -> None:
    await dump.upload(CONFIG, OTHER)
    await dump.put(CONFIG, name=OTHER)
    await spoil(dump, Digest.of(image_of(CONFIG)))
    assert await damaged(dump, Scope(REGISTRY.account, API)) == []
    assert await damaged(dump, Scope(AccountId("999988887777"))) == []
    assert await damaged(dump, Scope(repository=OTHER)) == [Digest.of(image_of(CONFIG))]


@pytest.mark.parametrize("unchanged", [Unchanged.ACCEPT, Unchanged.REFUSE])
async def test_pushing_the_same_manifest_again_heals_it(
    dump: Dump, unchanged: Unchanged, capfd: pytest.CaptureFixture[str]
) -> None:
    await spoil(dump)
    await dump.images.put(ME, REGISTRY.repository(API), Push(MANIFEST, None, (TagName("latest"),), None, unchanged))
    assert await get(dump) == MANIFEST
    assert await damaged(dump) == []
    [said] = events(capfd, "manifest.healed")
    assert (said["level"], said["digest"]) == ("info", str(DIGEST))


async def test_an_immutable_tag_is_no_hindrance_to_healing_what_it_names(dump: Dump) -> None:
    name, rule = RepositoryName("team/fixed"), TagRule(Mutability.IMMUTABLE)
    await dump.repositories.create(ME, REGISTRY.repository(name), NewRepository(tag_rule=rule))
    await dump.push(CONFIG, LAYER, name=name, tag="1")
    await spoil(dump)
    await dump.put(CONFIG, LAYER, name=name, tag="1")
    assert await get(dump, name=name) == MANIFEST
    with pytest.raises(TagImmutable):
        await dump.put(CONFIG, LAYER, name=name, tag="1")


async def test_healing_moves_no_immutable_tag(dump: Dump) -> None:
    name, rule = RepositoryName("team/fixed"), TagRule(Mutability.IMMUTABLE)
    await dump.repositories.create(ME, REGISTRY.repository(name), NewRepository(tag_rule=rule))
    await dump.push(CONFIG, LAYER, name=name, tag="1")
    await dump.push(CONFIG, name=name, tag="2")
    await spoil(dump)
    with pytest.raises(TagImmutable):
        await dump.put(CONFIG, LAYER, name=name, tag="2")
    with pytest.raises(ImageInaccessible):
        await get(dump, name=name)


async def test_each_repository_is_healed_by_a_push_of_its_own(dump: Dump) -> None:
    await dump.push(CONFIG, LAYER, name=OTHER)
    await spoil(dump)
    await dump.put(CONFIG, LAYER)
    assert await get(dump) == MANIFEST
    with pytest.raises(ImageInaccessible):
        await get(dump, name=OTHER)


async def test_a_round_looks_at_every_manifest_once_and_the_next_begins_after_its_time(
    dump: Dump, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(70):
        content = image_of(CONFIG, annotations={"number": str(number)})
        await dump.images.put(ME, REGISTRY.repository(API), Push(content, None, (), None, Unchanged.ACCEPT))
    manifests = dump.verification.manifests
    assert await manifests.verify_due(REGION, MONTH) == 71
    await spoil(dump)
    assert await manifests.verify_due(REGION, MONTH) == 0
    dump.world.advance(MONTH + TICK)
    assert await manifests.verify_due(REGION, MONTH) == 71
    assert [event["digest"] for event in events(capfd, "manifest.damaged")] == [str(DIGEST)]


async def test_two_processes_do_not_share_a_round_of_manifests(dump: Dump) -> None:
    now = dump.world.now()
    await dump.region.write(lambda db: leases.take(db, "manifest verification", "bob", now, lease=MONTH * 1000))
    assert await dump.verification.manifests.verify_due(REGION, MONTH) == 0
