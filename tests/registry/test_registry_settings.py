"""Settings of a registry on both databases: account settings, signing rules, exclusions, and keys of KMS."""

from datetime import timedelta

import pytest

from tests.catalogs import TimedCatalog
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT, REGION, REGISTRY, AllowAll, caller
from tests.shelf import API, Shelf, entry, image_of
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import images, pull_time_exclusions, repositories
from twinport.catalog.regional.images import NewImage
from twinport.clock import ManualClock
from twinport.model.account_settings import BlobMounting
from twinport.model.content import Digest
from twinport.model.images import ImageId, NewRepository, Referrer
from twinport.model.manifests import OCI_MANIFEST, parse_manifest
from twinport.model.names import Registry, RepositoryName
from twinport.model.signing import SigningConfiguration, SigningRule
from twinport.refusals.images import EncryptionRefused, ExclusionExists, SigningConfigurationNotFound
from twinport.registry.account_settings import AccountSettings
from twinport.registry.paging import PageRequest
from twinport.registry.pull_time_exclusions import PullTimeExclusions
from twinport.registry.referrers import Referrers, WantedReferrers
from twinport.registry.repositories import Contents, Repositories
from twinport.registry.signing import Signing
from twinport.settings.storage import EncryptionAtRest

THERE = Registry(OTHER_ACCOUNT, REGION)
CONFIG = b"config"
MINUTE = timedelta(minutes=1)


async def test_a_setting_is_put_over_an_earlier_one_and_not_for_other_accounts(catalog: WholeCatalog) -> None:
    verbs = AccountSettings(AllowAll(), catalog, BlobMounting.DISABLED)
    assert await verbs.get(caller(), REGISTRY, "BLOB_MOUNTING") == "DISABLED"
    for value in ("ENABLED", "DISABLED", "ENABLED"):
        await verbs.put(caller(), REGISTRY, "BLOB_MOUNTING", value)
        assert await verbs.get(caller(), REGISTRY, "BLOB_MOUNTING") == value
    assert await verbs.get(caller(), THERE, "BLOB_MOUNTING") == "DISABLED"
    assert await verbs.get(caller(), REGISTRY, "REGISTRY_POLICY_SCOPE") == "V2"


async def test_the_excluded_principals_are_those_of_the_registry(catalog: WholeCatalog) -> None:
    verbs = PullTimeExclusions(AllowAll(), catalog)
    await verbs.register(caller(), REGISTRY, "arn:aws:iam::111122223333:role/a")
    await verbs.register(caller(), THERE, "arn:aws:iam::111122223333:role/b")
    with pytest.raises(ExclusionExists):
        await verbs.register(caller(), REGISTRY, "arn:aws:iam::111122223333:role/a")

    async def excluded(registry: Registry) -> frozenset[str]:
        return await catalog.region(REGION).read(lambda db: pull_time_exclusions.excluded(db, registry.account))

    assert await excluded(REGISTRY) == {"arn:aws:iam::111122223333:role/a"}
    await verbs.deregister(caller(), REGISTRY, "arn:aws:iam::111122223333:role/a")
    assert await excluded(REGISTRY) == frozenset()
    assert await excluded(THERE) == {"arn:aws:iam::111122223333:role/b"}


async def store(shelf: Shelf, content: bytes, clock: ManualClock) -> Digest:
    digest = Digest.of(content)

    def insert(db: Connection) -> None:
        repository = repositories.get(db, REGISTRY.repository(API))
        new = NewImage(digest, content, parse_manifest(content, None))
        images.store_manifest(db, repository.id, new, clock.now())

    await shelf.catalog.region(REGION).write(insert)
    return digest


async def test_a_signing_rule_holds_from_when_it_was_first_put(catalog: WholeCatalog) -> None:
    clock, shelf = ManualClock(NOW), Shelf(catalog)
    verbs = Signing(AllowAll(), TimedCatalog(catalog, clock))
    await shelf.make_repository()
    await shelf.hold(CONFIG)
    one, two = SigningRule("one", ("team/*",)), SigningRule("two")

    async def profiles(digest: Digest) -> tuple[str, ...]:
        return (await verbs.status(caller(), REGISTRY.repository(API), ImageId(digest, None))).profiles

    before = await store(shelf, image_of(CONFIG, annotations={"n": "0"}), clock)
    clock.advance(MINUTE)
    await verbs.put(caller(), REGISTRY, SigningConfiguration((one,)))
    between = await store(shelf, image_of(CONFIG, annotations={"n": "1"}), clock)
    clock.advance(MINUTE)
    await verbs.put(caller(), REGISTRY, SigningConfiguration((two, one)))
    after = await store(shelf, image_of(CONFIG, annotations={"n": "2"}), clock)
    assert [await profiles(each) for each in (before, between, after)] == [(), ("one",), ("two", "one")]
    assert (await verbs.delete(caller(), REGISTRY)).rules[0].profile == "two"
    assert await profiles(after) == ()
    with pytest.raises(SigningConfigurationNotFound):
        await verbs.get(caller(), REGISTRY)


async def test_pages_of_referrers_end_where_annotations_are_large_and_lose_none(catalog: WholeCatalog) -> None:
    clock, shelf = ManualClock(NOW), Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG)
    subject = entry(b"subject", OCI_MANIFEST)
    stored = {
        await store(shelf, image_of(CONFIG, subject=subject, annotations={"n": str(n), "note": "x" * (2 << 20)}), clock)
        for n in range(3)
    }
    verbs, wanted = Referrers(AllowAll(), catalog), WantedReferrers(Digest.of(b"subject"))
    met: list[Referrer] = []
    page = await verbs.page(caller(), REGISTRY.repository(API), wanted, PageRequest(20))
    while page.token is not None:
        met += page.items
        page = await verbs.page(caller(), REGISTRY.repository(API), wanted, PageRequest(20, page.token))
    met += page.items
    assert (len(met), {each.digest for each in met}) == (3, stored)


async def test_repositories_with_keys_are_found_while_they_are_there(catalog: WholeCatalog) -> None:
    verbs = Repositories(AllowAll(), catalog, ManualClock(NOW), (REGION,), encryption_at_rest=EncryptionAtRest.RECORD)
    names = [RepositoryName(name) for name in ("aa", "bb", "cc")]
    for name in names:
        made = await verbs.create(
            caller(), REGISTRY.repository(name), NewRepository(encryption="KMS", kms_key="alias/x")
        )
        assert made.kms_key == f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/x"
    await verbs.create(caller(), REGISTRY.repository(RepositoryName("plain")), NewRepository())

    async def found(limit: int) -> list[str]:
        return [name for _, name in await catalog.region(REGION).read(lambda db: repositories.with_keys(db, limit))]

    assert (await found(2), await found(9)) == (names[:2], names)
    await verbs.delete(caller(), REGISTRY.repository(names[0]), Contents.SPARED)
    assert await found(9) == names[1:]


@pytest.mark.parametrize("encryption", ["KMS", "KMS_DSSE"])
async def test_by_default_a_key_is_refused_and_leaves_no_repository(catalog: WholeCatalog, encryption: str) -> None:
    verbs = Repositories(AllowAll(), catalog, ManualClock(NOW), (REGION,))
    with pytest.raises(EncryptionRefused, match="'encryption_at_rest' is 'refuse'"):
        await verbs.create(caller(), REGISTRY.repository(API), NewRepository(encryption=encryption))
    assert (await verbs.list(caller(), REGISTRY, PageRequest())).items == ()
