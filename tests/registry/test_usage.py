"""The bytes that accounts and repositories hold: those of the blobs that are held, and which of them are shared."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, OTHER_ACCOUNT, REGION, REGISTRY
from twinport.catalog.ports import Connection
from twinport.catalog.regional import blobs, repositories
from twinport.catalog.regional.blobs import NewBlob
from twinport.clock import ManualClock
from twinport.model.content import Digest, Key
from twinport.model.images import NewRepository
from twinport.model.names import AccountId, Registry, RepositoryName
from twinport.model.usage import HeldBlob, RegionUsage, Usage
from twinport.registry.usage import Usages

API, WEB, OTHERS = RepositoryName("team/api"), RepositoryName("team/web"), RepositoryName("api")
ELSEWHERE = Registry(OTHER_ACCOUNT, REGISTRY.region)
OWNERS = [(AccountId(f"{number:012}"), RepositoryName(f"r{name}")) for number in range(3) for name in range(3)]
BLOBS = st.lists(st.builds(HeldBlob, st.integers(0, 10**12), st.sets(st.sampled_from(OWNERS))), max_size=30)


@given(BLOBS)
def test_each_blob_counts_once_for_each_account_and_each_repository(held: list[HeldBlob]) -> None:
    usage = RegionUsage()
    for each in held:
        usage.add(each)
    for account, name in OWNERS:
        of_account = [each for each in held if account in {owner for owner, _ in each.holders}]
        assert usage.accounts[account].total == sum(each.size for each in of_account)
        alone = [each for each in of_account if {owner for owner, _ in each.holders} == {account}]
        assert usage.accounts[account].own == sum(each.size for each in alone)
        of_repository = [each for each in held if (account, name) in each.holders]
        assert usage.repositories[account, name].total == sum(each.size for each in of_repository)
        assert usage.repositories[account, name].own == sum(
            each.size for each in of_repository if len(each.holders) == 1
        )


def hold(db: Connection, registry: Registry, name: RepositoryName, *contents: bytes) -> None:
    """Let a repository hold blobs, which it is created for if it is not there."""
    identity = registry.repository(name)
    repository = repositories.find(db, identity) or repositories.insert(db, identity, NewRepository(), NOW)
    for content in contents:
        digest = Digest.of(content)
        blobs.record(db, NewBlob(digest, Key(f"key of {digest}"), len(content)), NOW)
        blobs.link(db, repository.id, digest, NOW)


@pytest.mark.parametrize("engine", ENGINES)
async def test_what_is_shared_is_told_from_what_is_not(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.param = engine
    catalog = await emptied(request, tmp_path, ManualClock())
    region = catalog.region(REGION)
    await region.write(lambda db: hold(db, REGISTRY, API, b"1", b"22", b"333"))
    await region.write(lambda db: hold(db, REGISTRY, WEB, b"22"))
    await region.write(lambda db: hold(db, ELSEWHERE, OTHERS, b"333", b"4444"))
    for at_once in (1, 2, 500):
        usage = await Usages(catalog, at_once).of_region(REGION)
        assert usage.accounts == {REGISTRY.account: Usage(own=3, shared=3), ELSEWHERE.account: Usage(own=4, shared=3)}
        assert usage.of(REGISTRY.account) == {API: Usage(own=1, shared=5), WEB: Usage(own=0, shared=2)}

    def remove(db: Connection) -> None:
        repositories.remove(db, repositories.get(db, ELSEWHERE.repository(OTHERS)).id)

    await region.write(remove)
    usage = await Usages(catalog).of_region(REGION)
    assert usage.accounts == {REGISTRY.account: Usage(own=6)}
    catalog.close()


async def test_a_region_without_blobs_has_no_usage(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    request.param = ENGINES[0]
    catalog = await emptied(request, tmp_path, ManualClock())
    assert (await Usages(catalog).of_region(REGION)).accounts == {}
    catalog.close()
