"""The databases that the settings name, of whichever engine."""

import importlib

from twinport.catalog.embedded import EmbeddedCatalog, WholeCatalog
from twinport.clock import Clock
from twinport.config import Settings


def open_catalog(settings: Settings, world: Clock) -> WholeCatalog:
    """Open the databases that the settings name. Raises StorageUnavailable."""
    if settings.database is None:
        return EmbeddedCatalog(settings.data, world)
    # Loaded by name: who keeps everything in files pays nothing for PostgreSQL (docs/decisions/0004-lean-imports.md).
    postgres = importlib.import_module("twinport.catalog.postgres")
    catalog: WholeCatalog = postgres.PostgresCatalog(settings.database, world)
    return catalog
