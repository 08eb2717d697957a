"""Who ends an upload or an offer, and who takes it away, at once: no bytes that a row names are left to the sweep."""

import asyncio
from collections.abc import Awaitable, Iterator

import pytest
from sqlalchemy import Connection, select

from tests.fakes import NOW, OTHER_REGION, REGION, REGISTRY, AllowAll, caller
from tests.shelf import API, image_of
from tests.upload_ids import open_upload, read_upload
from tests.waiting import PATIENCE_SECONDS
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import arrivals, repositories, schema, uploads
from twinport.catalog.regional.blobs import NewBlob
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.uploads import Segment
from twinport.clock import ManualClock
from twinport.errors import Refusal
from twinport.landing import copies
from twinport.landing.copies import Copy
from twinport.model.content import Digest, Key
from twinport.model.images import NewRepository, Position
from twinport.model.manifests import OCI_MANIFEST, parse_manifest
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import TagOutcome
from twinport.registry.repositories import Contents, Repositories

ROUNDS = 15
SOURCE = Registry(REGISTRY.account, OTHER_REGION)


@pytest.fixture
def catalog(postgres_address: str) -> Iterator[PostgresCatalog]:
    catalog = PostgresCatalog(postgres_address, ManualClock(NOW))
    yield catalog
    catalog.close()


async def together(*work: Awaitable[object]) -> list[object]:
    """Do everything at once. Refusals are results; an unresolved deadlock is a failure."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        results = await asyncio.gather(*work, return_exceptions=True)
    for each in results:
        if isinstance(each, BaseException) and not isinstance(each, Refusal):
            raise each
    return list(results)


def named_and_swept(db: Connection) -> list[str]:
    both = schema.blob.c.key == schema.discarded_key.c.key
    return list(db.execute(select(schema.blob.c.key).where(both)).scalars())


async def test_an_upload_that_ends_while_its_repository_goes_has_no_bytes_swept(catalog: PostgresCatalog) -> None:
    for number in range(ROUNDS):
        await end_an_upload_in_three_ways(catalog, RepositoryName(f"r{number}"), f"{number}".encode())
        assert await catalog.region(REGION).read(named_and_swept) == []


async def test_a_delivery_that_is_landed_thrice_while_its_offer_expires_has_one_outcome_and_its_bytes(
    catalog: PostgresCatalog,
) -> None:
    for number in range(ROUNDS):
        outcomes = await land_while_the_offer_expires(catalog, number)
        assert len(set(outcomes)) <= 1
        assert await catalog.region(REGION).read(named_and_swept) == []


async def end_an_upload_in_three_ways(catalog: PostgresCatalog, name: RepositoryName, content: bytes) -> None:
    region, id_ = catalog.region(REGION), f"upload to {name}"
    await region.write(lambda db: repositories.insert(db, REGISTRY.repository(name), NewRepository(), NOW))
    upload = await begun(catalog, name, id_, content)
    assert upload.last is not None
    blob = NewBlob(Digest.of(content), upload.last.key, len(content))
    verbs = Repositories(AllowAll(), catalog, ManualClock(NOW), (REGION,))
    await together(
        region.write(lambda db: uploads.finish(db, upload, blob, NOW)),
        region.write(lambda db: uploads.cancel(db, REGISTRY.repository(name), id_, NOW)),
        verbs.delete(caller(), REGISTRY.repository(name), Contents.DELETED),
    )


async def begun(catalog: PostgresCatalog, name: RepositoryName, id_: str, content: bytes) -> uploads.Upload:
    segment = Segment(0, len(content), Key(f"key-{id_}"), Digest.of(content))

    def begin(db: Connection) -> uploads.Upload:
        open_upload(db, REGISTRY.repository(name), id_, NOW)
        uploads.append(db, read_upload(db, REGISTRY.repository(name), id_), segment, NOW)
        return read_upload(db, REGISTRY.repository(name), id_)

    return await catalog.region(REGION).write(begin)


async def land_while_the_offer_expires(catalog: PostgresCatalog, number: int) -> list[TagOutcome]:
    region, layer = catalog.region(REGION), f"layer {number}".encode()
    arriving = landing(number, image_of(layer))
    held = NewBlob(Digest.of(layer), Key(f"key-{number}"), len(layer))
    await region.write(lambda db: arrivals.open_offer(db, arriving.offer, SOURCE, REGISTRY.account, NOW))
    await region.write(lambda db: arrivals.hold(db, arriving.offer, SOURCE, [held], NOW))
    answers = await together(
        *(region.write(lambda db: copies.land(db, [arriving], NOW)) for _ in range(3)),
        region.write(lambda db: arrivals.expire_offers(db, NOW, 100)),
    )
    return [each for each in answers if isinstance(each, TagOutcome)]


def landing(number: int, content: bytes) -> Copy:
    manifest = NewImage(Digest.of(content), content, parse_manifest(content, OCI_MANIFEST))
    return Copy(
        delivery=f"delivery {number}",
        offer=f"offer {number}",
        source=SOURCE,
        destination=REGISTRY,
        repository=API,
        digest=manifest.digest,
        tag="latest",
        position=Position(1, number),
        manifests=(manifest,),
        carried_by="arn",
        may_create_repository=True,
    )
