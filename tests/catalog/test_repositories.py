"""Rows of repositories."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import repositories
from twinport.clock import ManualClock
from twinport.model.images import Mutability, NewRepository, TagRule
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.refusals.images import RepositoryExists, RepositoryNotFound

HERE = Registry(AccountId("111111111111"), RegionName("eu-west-1"))
OTHER = Registry(AccountId("222222222222"), HERE.region)
NOW = ManualClock().time
NAME = RepositoryName("team/api")
NEW = NewRepository(TagRule(Mutability.IMMUTABLE_WITH_EXCLUSION, ("dev-*",)), tags={"owner": "ops"})


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


async def test_a_repository_is_found_as_it_was_inserted(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(HERE.region)
    made = await region.write(lambda db: repositories.insert(db, HERE.repository(NAME), NEW, NOW))
    assert await region.read(lambda db: repositories.get(db, HERE.repository(NAME))) == made
    assert (made.tag_rule, made.created_at, made.encryption) == (NEW.tag_rule, NOW, "AES256")
    assert await region.read(lambda db: repositories.tags(db, made.id)) == {"owner": "ops"}


async def test_a_repository_of_one_account_is_not_there_for_another(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(HERE.region)
    await region.write(lambda db: repositories.insert(db, HERE.repository(NAME), NEW, NOW))
    assert await region.read(lambda db: repositories.find(db, OTHER.repository(NAME))) is None
    with pytest.raises(RepositoryNotFound):
        await region.read(lambda db: repositories.get(db, OTHER.repository(NAME)))


async def test_a_second_repository_of_the_same_name_is_refused(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(HERE.region)
    await region.write(lambda db: repositories.insert(db, HERE.repository(NAME), NEW, NOW))
    with pytest.raises(RepositoryExists):
        await region.write(lambda db: repositories.insert(db, HERE.repository(NAME), NEW, NOW))


async def test_an_id_is_never_given_twice(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(HERE.region)
    first = await region.write(lambda db: repositories.insert(db, HERE.repository(NAME), NEW, NOW))
    await region.write(lambda db: repositories.remove(db, first.id))
    again = await region.write(lambda db: repositories.insert(db, HERE.repository(NAME), NewRepository(), NOW))
    assert again.id > first.id
    assert await region.read(lambda db: repositories.tags(db, again.id)) == {}


async def test_a_list_goes_on_after_the_name_it_is_given(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(HERE.region)
    for name in ("cc", "aa", "bb"):
        await region.write(
            lambda db, name=name: repositories.insert(db, HERE.repository(RepositoryName(name)), NewRepository(), NOW)  # type: ignore[misc]
        )
    found = await region.read(lambda db: repositories.listed(db, HERE, after="aa", limit=1))
    assert [each.name for each in found] == ["bb"]
