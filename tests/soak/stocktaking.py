"""What a Region holds: images, blobs, keys that rows name, and files. What does not belong together is a leak."""

import asyncio
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy import Connection, select

from twinport.blobs.store import PARTS, BlobStore
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import schema
from twinport.model.names import RegionName

Place = tuple[str, str]


@dataclass(frozen=True)
class Stock:
    images: tuple[Place, ...]
    blobs_of: dict[Place, set[str]]
    blobs: dict[str, str]
    other_keys: set[str]
    files: dict[str, int]
    waiting: int

    @property
    def bytes_kept(self) -> int:
        return sum(self.files.values())

    def leaks(self) -> list[str]:
        """Say what is there too much, or still on its way."""
        wanted = {digest for digests in self.blobs_of.values() for digest in digests}
        named = set(self.blobs.values()) | self.other_keys
        found: dict[str, AbstractSet[object]] = {
            "blobs without an image": self.blobs.keys() - wanted,
            "blobs that are missing": wanted - self.blobs.keys(),
            "files without a row": self.files.keys() - named,
            "rows without a file": named - self.files.keys(),
            "keys of uploads, offers and notes": self.other_keys,
            "deliveries under way": set(range(self.waiting)),
        }
        return [f"{len(each)} {what}: {sorted(map(str, each))[:3]}" for what, each in found.items() if each]


async def stock_of(catalog: WholeCatalog, region: RegionName, store: BlobStore) -> Stock:
    listed = await asyncio.gather(*(store.listed(part) for part in PARTS))
    files = {str(each.key): each.size for part in listed for each in part}
    return await catalog.region(region).read(lambda db: _stock(db, files))


def _stock(db: Connection, files: dict[str, int]) -> Stock:
    manifest, part, repository, blob = schema.manifest, schema.manifest_blob, schema.repository, schema.blob
    names = {row.id: row.name for row in db.execute(select(repository.c.id, repository.c.name))}
    blobs_of: dict[Place, set[str]] = {
        (names[row.repository_id], row.digest): set()
        for row in db.execute(select(manifest.c.repository_id, manifest.c.digest))
    }
    for row in db.execute(select(part)):
        blobs_of.setdefault((names[row.repository_id], row.manifest), set()).add(row.digest)
    columns = (schema.upload_segment.c.key, schema.offer_blob.c.key, schema.discarded_key.c.key)
    delivery = schema.delivery.c
    return Stock(
        images=tuple(sorted(blobs_of)),
        blobs_of=blobs_of,
        blobs={row.digest: row.key for row in db.execute(select(blob.c.digest, blob.c.key))},
        other_keys={key for column in columns for key in db.execute(select(column)).scalars()},
        files=files,
        waiting=len(db.execute(select(delivery.id).where(delivery.state == "waiting")).all()),
    )
