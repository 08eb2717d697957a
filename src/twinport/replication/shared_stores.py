"""Finds the bytes of a source registry in a store that the destination can read by itself."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from twinport.blobs.store import BlobReader, BlobStores
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import blobs
from twinport.model.content import Digest, Key
from twinport.model.names import RegionName, Registry
from twinport.refusals.images import LayerNotFound


@dataclass(frozen=True, slots=True)
class SharedBlob:
    """Bytes of the source, in a store that is open to this process."""

    store: BlobReader
    key: Key


class SharedStores(Protocol):
    """The stores of sources, as far as a destination can read them."""

    async def find(self, source: Registry, name: str, digest: Digest) -> SharedBlob | None:
        """Return a blob of a source registry, None if its store is out of reach.

        Raises LayerNotFound if no repository of that registry holds the blob: a courier may bring nothing else.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalStores:
    """The stores of the Regions that this deployment serves."""

    regions: Collection[RegionName]
    catalog: Catalog
    stores: BlobStores

    async def find(self, source: Registry, name: str, digest: Digest) -> SharedBlob | None:
        if source.region not in self.regions:
            return None
        region = self.catalog.region(source.region)
        stored = await region.read(lambda db: blobs.of_registry(db, source.account, digest))
        if stored is None:
            raise LayerNotFound(str(digest), name, source.account)
        return SharedBlob(self.stores.region(source.region), stored.key)
