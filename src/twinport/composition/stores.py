"""Where the blobs are: in the data folder, or in the bucket of an S3-compatible store."""

import importlib

from twinport.blobs.files import FileBlobStores
from twinport.blobs.measured import MeasuredDisk
from twinport.blobs.operations import OwnDisk
from twinport.blobs.store import WholeBlobStores
from twinport.settings.loading import Settings


def stores_of(settings: Settings) -> WholeBlobStores:
    """Return the stores that the settings name. Opens no connection."""
    if settings.object_store is None:
        return FileBlobStores(settings.data, MeasuredDisk(OwnDisk()))
    # Its libraries are loaded only by deployments that have an object store.
    found = importlib.import_module("twinport.composition.object_store")
    stores: WholeBlobStores = found.object_stores(settings, settings.object_store)
    return stores
