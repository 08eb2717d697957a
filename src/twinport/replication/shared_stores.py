"""Finds the bytes of a source registry in a store that the destination can read by itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from twinport.blobs.store import BlobReader, BlobStores
from twinport.catalog.ports import Catalog
from twinport.catalog.regional.blobs import of_registry
from twinport.model.content import Digest, Key
from twinport.model.names import RegionName
from twinport.refusals.images import LayerNotFound
from twinport.replication.destination import OfferedBlobs


@dataclass(frozen=True, slots=True)
class SharedBlob:
    """Bytes of the source, in a store that is open to this process."""

    store: BlobReader
    key: Key


class SharedStores(Protocol):
    """The stores of sources, as far as a destination can read them."""

    async def find(self, blobs: OfferedBlobs) -> Mapping[Digest, SharedBlob] | None:
        """Return the blobs of a source registry, None if its store is out of reach.

        Raises LayerNotFound if no repository of that registry holds one of them: a courier may bring nothing else.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalStores:
    """The stores of the Regions that this deployment serves."""

    regions: Collection[RegionName]
    catalog: Catalog
    stores: BlobStores

    async def find(self, blobs: OfferedBlobs) -> Mapping[Digest, SharedBlob] | None:
        source = blobs.source
        if source.region not in self.regions:
            return None
        digests = [each.digest for each in blobs.each]
        stored = await self.catalog.region(source.region).read(lambda db: of_registry(db, source.account, digests))
        for each in blobs.each:
            if each.digest not in stored:
                raise LayerNotFound(str(each.digest), each.repository, source.account)
        store = self.stores.region(source.region)
        return {digest: SharedBlob(store, blob.key) for digest, blob in stored.items()}
