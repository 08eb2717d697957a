"""Uploads that begin without a row: whose id is good where, for how long, and what is left of it."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, insert, select

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, OTHER_REGION, REGION, REGISTRY, AllowAll, caller
from twinport.access.generations import Generations
from twinport.access.sealing import Sealer
from twinport.access.tokens import RegionKeys
from twinport.blobs.files import FileBlobStores
from twinport.catalog import credentials
from twinport.catalog.credentials import TokenKeyRow
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import repositories, schema
from twinport.catalog.regional.uploads import UploadQuota
from twinport.clock import ManualClock
from twinport.model import upload_ids
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import NewRepository, Repository
from twinport.model.names import Registry, RepositoryName
from twinport.model.upload_ids import LIFE, MARKS, UploadId
from twinport.refusals.images import EmptyUpload, UploadNotFound, UploadOutOfOrder
from twinport.registry.garbage import Garbage
from twinport.registry.upload_ids import SealedUploadIds, UploadIds
from twinport.registry.uploads import Part, Uploads
from twinport.settings.retention import Retention

ME = caller()
NAME, OTHER_NAME = RepositoryName("team/api"), RepositoryName("team/web")
ELSEWHERE = Registry(REGISTRY.account, OTHER_REGION)
CONTENT = b"the bytes of a layer"
DIGEST = Digest.of(CONTENT)
SECOND = timedelta(seconds=1)


def furnish(db: Connection) -> None:
    for name in (NAME, OTHER_NAME):
        repositories.insert(db, REGISTRY.repository(name), NewRepository(), NOW)


def rows(db: Connection) -> int:
    return db.execute(select(func.count()).select_from(schema.upload)).scalar_one()


@dataclass(frozen=True)
class Site:
    """A registry with two repositories, whose uploads any number of processes serve."""

    catalog: WholeCatalog
    folder: Path
    clock: ManualClock

    @property
    def sealer(self) -> Sealer:
        return Sealer({"one": b"k" * 32}, "one")

    def process(self) -> Uploads:
        """Return the uploads of another process: it shares database, files and sealing key, and no memory."""
        keys = RegionKeys(self.catalog, self.sealer, self.clock, (REGION, OTHER_REGION))
        ids = SealedUploadIds(keys, Generations(self.catalog), self.clock)
        return Uploads(self.catalog, FileBlobStores(self.folder), AllowAll(), ids)

    async def rows(self) -> int:
        return await self.catalog.region(REGION).read(rows)

    async def write_nothing(self) -> None:
        await self.catalog.region(REGION).write(lambda _: None)

    async def keys(self) -> list[TokenKeyRow]:
        return await self.catalog.region(REGION).read(credentials.token_keys)

    async def forget_keys(self) -> None:
        await self.catalog.region(REGION).write(lambda db: db.execute(delete(schema.token_key)))

    async def add_key(self, key: TokenKeyRow) -> None:
        """Add a key beside that of the Region, of the same time."""
        values = {"id": key.id, "sealed_key": key.sealed_key, "created_at": NOW}
        await self.catalog.region(REGION).write(lambda db: db.execute(insert(schema.token_key).values(values)))

    async def sweep(self) -> None:
        await Garbage(self.catalog, FileBlobStores(self.folder), Retention()).sweep(REGION)


@pytest.fixture(params=ENGINES)
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    clock = ManualClock(NOW)
    catalog = await emptied(request, tmp_path, clock)
    await catalog.region(REGION).write(furnish)
    yield Site(catalog, tmp_path, clock)
    catalog.close()


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def begin(uploads: Uploads, content: bytes = b"") -> str:
    upload = await uploads.start(ME, REGISTRY.repository(NAME))
    if content:
        await append(uploads, upload.id, content)
    return upload.id


async def append(
    uploads: Uploads,
    upload_id: str,
    content: bytes = b"abc",
    name: RepositoryName = NAME,
    *,
    first_byte: int | None = None,
) -> int:
    return (await uploads.append(ME, REGISTRY.repository(name), upload_id, Part(pieces(content), first_byte))).size


async def complete(uploads: Uploads, upload_id: str, content: bytes | None = None) -> None:
    part = None if content is None else Part(pieces(content))
    await uploads.complete(ME, REGISTRY.repository(NAME), upload_id, DIGEST, part)


async def is_unknown(uploads: Uploads, upload_id: str, name: RepositoryName = NAME) -> bool:
    """Tell whether every request of an id is refused as unknown."""
    where = ME, REGISTRY.repository(name), upload_id
    answers = await asyncio.gather(
        uploads.status(*where),
        uploads.append(*where, Part(pieces(b"abc"))),
        uploads.cancel(*where),
        uploads.complete(*where, DIGEST, None),
        uploads.complete_parts(*where, [DIGEST]),
        return_exceptions=True,
    )
    return [type(answer) for answer in answers] == [UploadNotFound] * len(answers)


async def test_any_process_goes_on_with_an_upload_of_which_no_row_tells(site: Site) -> None:
    upload = await begin(site.process())
    assert await site.rows() == 0
    assert (await site.process().status(ME, REGISTRY.repository(NAME), upload)).size == 0
    await complete(site.process(), upload, CONTENT)
    assert await site.rows() == 0


async def test_processes_that_use_a_region_first_at_once_know_the_ids_of_one_another(site: Site) -> None:
    # Opens a connection for each: while the first ones are opened, one process after another makes the key.
    await asyncio.gather(*(work() for work in (site.rows, site.write_nothing) * 12))
    for _ in range(12):
        await site.forget_keys()
        processes = [site.process() for _ in range(4)]
        begun = await asyncio.gather(*(begin(each) for each in processes))
        assert len(await site.keys()) == 1
        for upload in begun:
            await append(processes[0], upload, b"")
            await append(processes[-1], upload, b"")


async def test_processes_know_the_ids_of_one_another_by_each_of_several_keys(site: Site) -> None:
    first = site.process()
    await begin(first)
    (key,) = await site.keys()
    # As two processes of an earlier version made them at once.
    other = replace(key, id="0" * 8)
    other = replace(other, sealed_key=site.sealer.seal(b"o" * 32, f"token key {REGION} {other.id}"))
    await site.add_key(other)
    late = site.process()
    for one, another in ((first, late), (late, first)):
        await append(another, await begin(one), b"")
    assert await begins_by(late, site, b"o" * 32), "of two keys of one time the lesser id counts"


async def begins_by(uploads: Uploads, site: Site, key: bytes) -> bool:
    """Tell whether ids of a process are marked by this key alone."""
    known = upload_ids.parse(await begin(uploads))
    owner = await site.catalog.region(REGION).read(lambda db: repositories.get(db, REGISTRY.repository(NAME)))
    assert known is not None
    text = f"upload {REGISTRY} {owner.id} {known.seconds} {known.nonce}"
    return int.from_bytes(hmac.digest(key, text.encode(), "sha256")[:8]) % MARKS == known.mark


async def test_an_upload_has_a_row_from_its_first_byte_on(site: Site) -> None:
    upload = await begin(site.process())
    assert await append(site.process(), upload, b"") == 0
    assert await site.rows() == 0
    assert await append(site.process(), upload, CONTENT[:5]) == 5
    assert await site.rows() == 1
    await complete(site.process(), upload, CONTENT[5:])


async def test_an_id_is_good_for_its_repository_alone(site: Site) -> None:
    uploads = site.process()
    upload = await begin(uploads)
    assert await is_unknown(uploads, upload, OTHER_NAME)
    await append(uploads, upload)
    assert await is_unknown(uploads, upload, OTHER_NAME)


async def test_an_id_does_not_outlive_its_repository(site: Site) -> None:
    uploads = site.process()
    upload = await begin(uploads)

    def recreate(db: Connection) -> None:
        repositories.remove(db, repositories.get(db, REGISTRY.repository(NAME)).id)
        repositories.insert(db, REGISTRY.repository(NAME), NewRepository(), NOW)

    await site.catalog.region(REGION).write(recreate)
    assert await is_unknown(uploads, upload)


async def test_an_id_that_is_changed_or_made_up_is_unknown(site: Site) -> None:
    uploads = site.process()
    known = upload_ids.parse(await begin(uploads))
    assert known is not None
    for forged in (
        replace(known, mark=known.mark ^ 1),
        replace(known, nonce=known.nonce ^ 1),
        replace(known, seconds=known.seconds + 1),
        UploadId(known.seconds, 0, 0),
    ):
        assert await is_unknown(uploads, str(forged))
    assert await site.rows() == 0


async def test_an_id_of_a_deployment_with_another_key_is_unknown(site: Site) -> None:
    upload = await begin(site.process())
    other = replace(site.process(), ids=OfAnotherKey())
    assert await is_unknown(other, upload)


@dataclass(frozen=True)
class Overtaken:
    """Ids that are looked at so slowly that another request is served between the read and the write of this one."""

    ids: UploadIds
    other: Callable[[], Awaitable[object]]

    async def issue(self, caller: Caller, repository: Repository) -> str:
        return await self.ids.issue(caller, repository)

    async def is_issued(self, caller: Caller, repository: Repository, text: str) -> bool:
        found = await self.ids.is_issued(caller, repository, text)
        await self.other()
        return found


class OfAnotherKey(SealedUploadIds):
    """Ids by a key that is not the Region's."""

    def __init__(self) -> None:
        super().__init__(_Keys(), Generations(_Nothing()), ManualClock(NOW))  # type: ignore[arg-type]


class _Keys:
    async def has_mac(self, _: object, __: object, ___: object, is_right: Callable[[bytes], bool]) -> bool:
        return is_right(b"another key's mac")


class _Nothing:
    @property
    def partition(self) -> Any:  # noqa: ANN401 — of any kind
        return self

    async def generation(self) -> int:
        return 0


async def test_an_id_without_bytes_is_good_for_a_day(site: Site) -> None:
    uploads = site.process()
    early, late = await begin(uploads), await begin(uploads)
    site.clock.advance(LIFE - SECOND)
    await append(uploads, early)
    site.clock.advance(timedelta(minutes=6))
    assert await is_unknown(uploads, late)


async def test_an_id_of_a_host_whose_clock_is_far_ahead_is_unknown(site: Site) -> None:
    uploads = site.process()
    site.clock.advance(timedelta(hours=1))
    upload = await begin(uploads)
    site.clock.advance(-timedelta(hours=1))
    assert await is_unknown(uploads, upload)


@pytest.mark.parametrize("content", [b"", b"abc"], ids=["without bytes", "with bytes"])
async def test_an_upload_that_was_canceled_never_begins_again(site: Site, content: bytes) -> None:
    uploads = site.process()
    upload = await begin(uploads, content)
    await uploads.cancel(ME, REGISTRY.repository(NAME), upload)
    for hours in (0, 12, 11):
        site.clock.advance(timedelta(hours=hours))
        await site.sweep()
        assert await is_unknown(site.process(), upload)
    site.clock.advance(timedelta(hours=2))
    await site.sweep()
    assert await is_unknown(site.process(), upload)
    assert await site.rows() == 0, "what is remembered of it goes with its life"


async def test_an_upload_that_was_completed_in_parts_never_begins_again(site: Site) -> None:
    uploads = site.process()
    upload = await begin(uploads, CONTENT)
    await complete(uploads, upload)
    await site.sweep()
    with pytest.raises(UploadNotFound):
        await append(site.process(), upload)
    with pytest.raises(UploadNotFound):
        await site.process().status(ME, REGISTRY.repository(NAME), upload)
    await complete(site.process(), upload)
    site.clock.advance(LIFE + timedelta(minutes=6))
    await site.sweep()
    assert await site.rows() == 0


async def test_an_upload_that_expired_never_begins_again(site: Site) -> None:
    uploads = site.process()
    upload = await begin(uploads, CONTENT)
    site.clock.advance(timedelta(hours=2))
    await Garbage(site.catalog, FileBlobStores(site.folder), Retention(upload_expiry=timedelta(hours=1))).sweep(REGION)
    assert await is_unknown(uploads, upload)


async def test_a_whole_layer_that_is_sent_again_is_answered_again(site: Site) -> None:
    upload = await begin(site.process())
    for _ in range(2):
        await complete(site.process(), upload, CONTENT)
    assert await site.rows() == 0


async def test_of_two_first_parts_at_once_exactly_one_is_kept(site: Site) -> None:
    upload = await begin(site.process())
    results = await asyncio.gather(
        *(append(site.process(), upload, content, first_byte=0) for content in (b"one", b"two!")),
        return_exceptions=True,
    )
    kept = [size for size in results if isinstance(size, int)]
    assert kept == [(await site.process().status(ME, REGISTRY.repository(NAME), upload)).size]
    assert [type(each) for each in results if not isinstance(each, int)] == [UploadOutOfOrder]


async def test_of_a_first_part_and_a_cancellation_at_once_one_wins(site: Site) -> None:
    for _ in range(5):
        upload = await begin(site.process())
        part, cancellation = await asyncio.gather(
            append(site.process(), upload),
            site.process().cancel(ME, REGISTRY.repository(NAME), upload),
            return_exceptions=True,
        )
        # The part may come before, and goes with the upload.
        assert part == 3 or isinstance(part, UploadNotFound)
        assert cancellation is None
        assert await is_unknown(site.process(), upload)


@pytest.mark.parametrize("most", [1000, 1], ids=["room for a note", "no room for a note"])
async def test_a_cancellation_that_read_before_the_first_part_ends_the_upload(site: Site, most: int) -> None:
    upload = await begin(site.process())
    here = site.process()
    late = replace(here, quota=UploadQuota(uploads=most), ids=Overtaken(here.ids, lambda: append(here, upload)))
    await late.cancel(ME, REGISTRY.repository(NAME), upload)
    assert await is_unknown(site.process(), upload)


async def test_ecr_completes_no_upload_without_bytes(site: Site) -> None:
    upload = await begin(site.process())
    with pytest.raises(EmptyUpload):
        await site.process().complete_parts(ME, REGISTRY.repository(NAME), upload, [DIGEST])


async def test_cancellations_leave_room_for_uploads_however_many_they_are(site: Site) -> None:
    uploads = replace(site.process(), quota=UploadQuota(uploads=6))
    for _ in range(20):
        await uploads.cancel(ME, REGISTRY.repository(NAME), await begin(uploads))
    assert await site.rows() == 3
    for _ in range(3):
        await begin(uploads, b"abc")
