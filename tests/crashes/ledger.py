"""What must be true of a deployment after any crash, looked up in its tables and on its disk."""

import json
import os
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from tests.blobs.forgetful_disk import Crash
from tests.crashes.machine import API, FAR, HOME, ME, Machine
from tests.replication.world import Image
from twinport.catalog.regional import schema, tag_statuses
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.content import Digest, Key
from twinport.model.images import ImageId
from twinport.model.names import RegionName, RepositoryName, TagName
from twinport.model.replication import DeliveryState
from twinport.refusals.images import ImageNotFound

# A repository's id and a digest in it.
Place = tuple[int, str]
_IS_SHOWN = schema.repository.c.account != OF_NO_REGISTRY
NAMING = (schema.blob, schema.upload_segment, schema.offer_blob)


@dataclass(frozen=True)
class Rows:
    """A Region's tables as far as the laws speak of them."""

    named: dict[Key, Digest]
    noted: set[Key]
    held_by_offers: set[Key]
    manifests: dict[Place, bytes]
    held: set[Place]
    tagged: set[Place]
    untagged: set[Place]
    tags_with_a_wrong_status: int
    tags_of_api: set[tuple[str, str]]
    complete: set[str]
    arrived: set[str]
    positions: int

    @classmethod
    def read(cls, db: Connection) -> "Rows":
        if db.dialect.name == "postgresql":
            db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        tag, manifest, delivery = schema.tag.c, schema.manifest.c, schema.delivery.c
        # A repository that was deleted, and is being emptied, shows nothing that could be half there.
        contents = db.execute(
            select(manifest.repository_id, manifest.digest, manifest.content).join(schema.repository).where(_IS_SHOWN)
        )
        of_api = select(tag.name, tag.digest).join(schema.repository).where(schema.repository.c.name == API)
        return cls(
            named={Key(row.key): Digest.parse(row.digest) for table in NAMING for row in db.execute(_names(table))},
            noted=_column(db, schema.discarded_key.c.key),
            held_by_offers=_column(db, schema.offer_blob.c.key),
            manifests={(row.repository_id, row.digest): bytes(row.content) for row in contents},
            held=_places(db, schema.repository_blob),
            tagged=_places(db, schema.tag),
            untagged=_places(db, schema.untagged_image),
            tags_with_a_wrong_status=tag_statuses.wrong(db),
            tags_of_api={(row.name, row.digest) for row in db.execute(of_api)},
            complete=_column(db, delivery.id, delivery.state == DeliveryState.COMPLETE.value),
            arrived=_column(db, schema.arrival.c.delivery_id),
            positions=db.execute(select(func.coalesce(func.sum(schema.registry.c.sequence), 0))).scalar_one(),
        )

    def check_images_are_whole(self) -> None:
        for (repository, _), content in self.manifests.items():
            parts = {(repository, part) for part in _parts(content)}
            assert parts <= self.held | self.manifests.keys(), "an image is not whole"
        assert self.tagged <= self.manifests.keys(), "a tag names no image"
        assert self.untagged == self.manifests.keys() - self.tagged, "the list of images without tags is wrong"
        assert self.tags_with_a_wrong_status == 0, "a tag has another status than its image"


def _names(table: Table) -> Select[Any]:
    return select(table.c.digest, table.c.key)


def _column(db: Connection, column: ColumnElement[str], *where: ColumnElement[bool]) -> set[Any]:
    return set(db.execute(select(column).where(*where)).scalars())


def _places(db: Connection, table: Table) -> set[Place]:
    is_of = schema.repository.c.id == table.c.repository_id
    query = select(table.c.repository_id, table.c.digest).join(schema.repository, is_of).where(_IS_SHOWN)
    return {(row.repository_id, row.digest) for row in db.execute(query)}


def _parts(content: bytes) -> list[str]:
    """Name the blobs and children that a manifest needs to be whole."""
    document = json.loads(content)
    entries = [document.get("config"), *document.get("layers", []), *document.get("manifests", [])]
    return [entry["digest"] for entry in entries if entry]


@dataclass
class Ledger:
    """What was acknowledged to clients, and the checks of it."""

    machine: Machine
    layers: dict[Digest, RepositoryName] = field(default_factory=dict)
    images: dict[Digest, tuple[Image, RepositoryName]] = field(default_factory=dict)
    tags: dict[tuple[RepositoryName, str], set[Digest]] = field(default_factory=dict)
    absent: dict[Digest, RepositoryName] = field(default_factory=dict)
    _checked: set[Key] = field(default_factory=set)
    _named_once: set[Key] = field(default_factory=set)
    _excused: set[Key] = field(default_factory=set)

    # --- promises ---

    async def put(self, image: Image, tag: str, name: RepositoryName = API) -> None:
        """Push an image whose layers are there. Until it is acknowledged, the tag may name it or not."""
        self.tags.get((name, tag), set()).add(image.digest)
        await self.machine.put(image, tag, name)
        self.images[image.digest] = (image, name)
        self.tags[name, tag] = {image.digest}

    async def promises_are_kept(self, of_the_last: int) -> None:
        """Check that what was acknowledged is there. To check all of it after each crash would take too long."""
        for digest, name in list(self.layers.items())[-of_the_last:]:
            assert (await self.machine.layers.find(ME, HOME.repository(name), digest)).digest == digest
        for digest, (image, name) in list(self.images.items())[-of_the_last:]:
            found = await self.machine.images.get(ME, HOME.repository(name), ImageId(digest, None))
            assert found.content == image.content
        for (name, tag), possible in list(self.tags.items())[-of_the_last:]:
            found = await self.machine.images.get(ME, HOME.repository(name), ImageId(None, TagName(tag)))
            assert found.digest in possible
        for digest, name in list(self.absent.items())[-of_the_last:]:
            with pytest.raises(ImageNotFound):
                await self.machine.images.get(ME, HOME.repository(name), ImageId(digest, None))

    async def every_copy_was_made(self) -> None:
        """Check, once nothing is due any more, that the other Region shows the tags that this one shows."""
        assert await self.machine.office.next_due_in() is None
        home, far = await self.rows(HOME.region), await self.rows(FAR.region)
        assert home.tags_of_api == far.tags_of_api

    # --- laws ---

    async def check(self) -> None:
        """Check all that holds at any time, in every Region."""
        await self.promises_are_kept(of_the_last=2)
        home, far = await self.rows(HOME.region), await self.rows(FAR.region)
        for region, rows in ((HOME.region, home), (FAR.region, far)):
            await self._bytes_are_whole(region, rows)
            rows.check_images_are_whole()
            assert self.orphans(region, rows) & self._named_once <= self._excused, (
                "bytes lost their row and got no note"
            )
        assert home.complete <= far.arrived, "a delivery is complete that never arrived"
        # No client pushes there, so each position was taken by a landing.
        assert far.positions == len(far.arrived), "a delivery took effect more than once"

    async def rows(self, region: RegionName) -> Rows:
        """Read everything at one moment: what a killed process had sent to the database may still be under way."""
        return await self.machine.catalog.region(region).write(Rows.read)

    async def all_orphans(self) -> set[Key]:
        regions = (HOME.region, FAR.region)
        return set().union(*[self.orphans(region, await self.rows(region)) for region in regions])

    def orphans(self, region: RegionName, rows: Rows) -> set[Key]:
        """Return the files that neither a row nor a note names: those of writers that were killed."""
        folders = os.walk(self.machine.folder / "regions" / region / "blobs")
        files = {Key(name) for _, _, names in folders for name in names}
        return files - rows.named.keys() - rows.noted

    async def excuse_what_is_swept(self, region: RegionName) -> None:
        """A removal is not synced: a file may be there again after a crash, when its note is gone for good."""
        if self.machine.leaves is Crash.ALL_IS_THERE:
            return
        rows = await self.rows(region)
        self._excused |= rows.noted | rows.named.keys()

    async def _bytes_are_whole(self, region: RegionName, rows: Rows) -> None:
        store = self.machine.stores.region(region)
        for key, digest in rows.named.items():
            assert store.path(key).is_file(), f"a row of {region} names bytes that are not there"
            if key not in self._checked:
                assert await store.digest(key, digest.algorithm) == digest
                self._checked.add(key)
        self._named_once |= rows.named.keys()
