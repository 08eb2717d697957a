"""Bytes before rows: a disk refuses each operation of a push, and no bytes are left without a row that names them."""

import errno
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import Connection, select

from tests.blobs.forgetful_disk import ForgetfulDisk, Plan, failing_at, works
from tests.fakes import NOW, REGISTRY, AllowAll, caller
from tests.upload_ids import PlainUploadIds
from twinport.blobs.files import FileBlobStores
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import repositories, schema
from twinport.clock import ManualClock
from twinport.model.content import Digest, Key
from twinport.model.images import NewRepository
from twinport.model.names import RepositoryName
from twinport.refusals.storage import StorageUnavailable
from twinport.registry.layers import Layers
from twinport.registry.uploads import Part, Uploads

ME = caller()
NAME = RepositoryName("team/api")
SMALL, LARGE = b"a small layer", bytes(range(256)) * (17 << 10)
FIRST, SECOND = b"first part, ", b"second part"


@dataclass
class Site:
    """A registry on a disk that can be told to refuse."""

    folder: Path
    disk: ForgetfulDisk = field(default_factory=ForgetfulDisk)
    promised: list[Digest] = field(default_factory=list)
    checked: set[Key] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self.catalog = EmbeddedCatalog(self.folder, ManualClock())
        self.stores = FileBlobStores(self.folder, self.disk)
        self.uploads = Uploads(self.catalog, self.stores, AllowAll(), PlainUploadIds())
        self.layers = Layers(self.catalog, self.stores, AllowAll(), ManualClock())
        await self.catalog.region(REGISTRY.region).write(
            lambda db: repositories.insert(db, REGISTRY.repository(NAME), NewRepository(), NOW)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.catalog.close()

    async def push(self, plan: Plan, mark: bytes) -> None:
        """Push layers in every way there is while the disk acts on `plan`, and remember what was promised."""
        self.disk.plan = plan
        self.disk.operations.clear()
        await self.whole(SMALL + mark)
        await self.parts(LARGE + mark)
        await self.parts(FIRST, SECOND + mark)
        await self.whole(SMALL + mark)

    async def whole(self, content: bytes) -> None:
        layer = await self.uploads.upload_whole(ME, REGISTRY.repository(NAME), Digest.of(content), pieces_of(content))
        self.promised.append(layer.digest)

    async def parts(self, *parts: bytes) -> None:
        upload = await self.uploads.start(ME, REGISTRY.repository(NAME))
        for part in parts:
            await self.uploads.append(ME, REGISTRY.repository(NAME), upload.id, Part(pieces_of(part)))
        digest = Digest.of(b"".join(parts))
        await self.uploads.complete(ME, REGISTRY.repository(NAME), upload.id, digest, None)
        self.promised.append(digest)

    async def check_that_rows_name_whole_bytes(self) -> None:
        store = self.stores.region(REGISTRY.region)
        for digest, key in await self.catalog.region(REGISTRY.region).read(named_bytes):
            assert store.path(key).is_file()
            if key not in self.checked:
                assert await store.digest(key, digest.algorithm) == digest
                self.checked.add(key)

    async def check_that_promises_are_kept(self) -> None:
        for digest in self.promised:
            assert (await self.layers.find(ME, REGISTRY.repository(NAME), digest)).digest == digest

    async def check_that_every_file_is_known(self) -> None:
        known = await self.catalog.region(REGISTRY.region).read(known_keys)
        assert {path.name for path in self.folder.rglob("blobs/*/*")} == known


async def pieces_of(content: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(content), 1 << 18):
        yield content[first : first + (1 << 18)]


def named_bytes(db: Connection) -> list[tuple[Digest, Key]]:
    tables = (schema.blob, schema.upload_segment)
    rows = [row for table in tables for row in db.execute(select(table.c.digest, table.c.key))]
    return [(Digest.parse(row.digest), Key(row.key)) for row in rows]


def known_keys(db: Connection) -> set[str]:
    tables = (schema.blob, schema.upload_segment, schema.discarded_key)
    return {key for table in tables for key in db.execute(select(table.c.key)).scalars()}


@pytest.mark.large
async def test_wherever_the_disk_refuses_nothing_is_left_and_the_next_try_succeeds(tmp_path: Path) -> None:
    codes = itertools.cycle([errno.ENOSPC, errno.EIO, errno.EROFS])
    async with Site(tmp_path) as site:
        for n in itertools.count(1):
            with suppress(StorageUnavailable):
                await site.push(failing_at(n, next(codes)), str(n).encode())
            await site.check_that_every_file_is_known()
            if n > len(site.disk.operations):
                break
            await site.push(works, str(n).encode())
        await site.check_that_rows_name_whole_bytes()
        await site.check_that_promises_are_kept()
