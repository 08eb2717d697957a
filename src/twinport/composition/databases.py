"""The databases that the settings name, of either engine, what seals them, and whether the data folder fits."""

import importlib
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import TypeVar

from twinport.access.sealing import (
    KEY_FILE,
    Sealer,
    has_sealer,
    keys_of_folder,
    sealed_elsewhere,
    sealer_of_folder,
    sealer_with,
)
from twinport.blobs.store import WholeBlobStores
from twinport.catalog import credentials, region_identity
from twinport.catalog.beginnings import listed_regions
from twinport.catalog.embedded import PARTITION_FILE, EmbeddedCatalog, region_file
from twinport.catalog.engine import sqlite
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.ports import Catalog, Connection, WholeCatalog
from twinport.catalog.regional import schema as regional_schema
from twinport.clock import Clock
from twinport.composition import folder_catalog
from twinport.composition.folder_catalog import Found, Standing
from twinport.errors import ConfigurationWrong, Refusal
from twinport.files import disks, private_files
from twinport.model.names import RegionName
from twinport.refusals.storage import CatalogNotBegun, CatalogOfAnother, NothingBegun
from twinport.settings.loading import Settings

T = TypeVar("T")


def open_catalog(settings: Settings, world: Clock) -> WholeCatalog:
    """Open the databases that the settings name. Creates them if they do not exist.

    Raises CatalogOfAnother and ConfigurationWrong if they do not belong to the data folder, before anything is created
    or changed, and StorageUnavailable.
    """
    # For a read-only folder SQLite only reports that it cannot open the file.
    disks.check_writable(settings.data)
    _own(settings)
    # Refuse another program's key file before creating any file beside it.
    found_sealer(settings)
    private_files.tell_of_others(settings.data)
    return _opened(settings, world)


def join_catalog(settings: Settings, world: Clock) -> WholeCatalog:
    """As `open_catalog`, but creates nothing. Also raises NothingBegun if no deployment exists here."""
    check_begun(settings)
    return _opened(settings, world)


def check_begun(settings: Settings) -> None:
    """Raise what `join_catalog` would."""
    if found_sealer(settings) is None and folder_catalog.look(settings.data).noted is None:
        raise NothingBegun(str(settings.data))
    found = _own(settings)
    # Keys of the settings say nothing of what was begun: the database's site key does.
    has_begun = found is not None and (found.identity is not None or has_sealer(settings.data))
    if not has_begun:
        raise NothingBegun(str(settings.data)) if settings.database is None else CatalogNotBegun


def sealer_of(settings: Settings) -> Sealer:
    """Return the sealer of the settings. Without keys in them, the data folder's, which is made if there is none.

    Raises FolderUnusable, and ConfigurationWrong if a key file in the folder is none or has another key.
    """
    given = settings.sealing_keys
    if given is None:
        return sealer_of_folder(settings.data)
    if has_sealer(settings.data):
        _require_among(given, settings)
    return sealer_with(given)


def found_sealer(settings: Settings) -> Sealer | None:
    """Return the sealer of the settings, or None if there is none yet. Makes nothing. Raises as `sealer_of`."""
    is_there = settings.sealing_keys is not None or has_sealer(settings.data)
    return sealer_of(settings) if is_there else None


def _require_among(given: dict[str, bytes], settings: Settings) -> None:
    """Raise ConfigurationWrong if the data folder has a key that the settings lack: its secrets would not open."""
    held = keys_of_folder(settings.data)
    lacking = [each for each, key in held.items() if given.get(each) != key]
    if lacking:
        name = "sealing_key" if settings.sealing_key_file is None else "sealing_key_file"
        problem = (
            f"'{name}' lacks the key '{lacking[0]}', which is in '{settings.data / KEY_FILE}': add that file's "
            f"line to '{name}', or move the file away if the folder is of another deployment"
        )
        raise ConfigurationWrong([problem])


async def note_catalog(settings: Settings, catalog: WholeCatalog) -> None:
    """Note in the data folder that it belongs to this catalog. The catalog must have a site key already."""
    site_key = await catalog.partition.read(credentials.site_key)
    if site_key is not None:
        folder_catalog.note(settings.data, site_key)


async def claim_stores(stores: WholeBlobStores, catalog: Catalog) -> None:
    """Note in the stores that they belong to this catalog. Raises StoresOfAnother, StorageUnavailable."""
    site_key = await catalog.partition.read(credentials.site_key)
    if site_key is not None:
        await stores.claim(folder_catalog.identity_of(site_key))


def _own(settings: Settings) -> Found | None:
    """Return the catalog that the settings name, if it belongs to the folder; None if there is none."""
    # Read the folder first: a process that creates both now creates the catalog before its files in the folder.
    folder = folder_catalog.look(settings.data)
    found = _look(settings)
    if found is not None and found.opens:
        _require_layers(settings)
    match folder_catalog.standing(folder, found):
        case Standing.ANOTHER:
            named = "the SQLite files in it" if settings.database is None else "the PostgreSQL database"
            raise CatalogOfAnother(str(settings.data), named)
        case Standing.SEALED_ELSEWHERE:
            raise sealed_elsewhere(found_sealer(settings), "" if found is None else found.sealed)
        case Standing.OWN | Standing.UNUSED:
            return found


def look(settings: Settings, query: Callable[[Connection], T]) -> T | None:
    """Query the partition's database that the settings name; None if there is none. Creates and changes nothing."""
    if settings.database is None:
        return sqlite.look_into(settings.data / PARTITION_FILE, partition_schema.partition, query)
    found: T | None = _postgres().look_into(settings.database, query)
    return found


def look_at_regions(settings: Settings, query: Callable[[Connection], T]) -> list[tuple[RegionName, T | Refusal]]:
    """Query the database of each Region that has data; a Region may give a refusal. Creates and changes nothing."""
    names = look(settings, listed_regions) or []
    return [(name, found) for name in names if (found := _look_at_region(settings, name, query)) is not None]


def _look_at_region(settings: Settings, name: RegionName, query: Callable[[Connection], T]) -> T | Refusal | None:
    """Return the answer or the refusal of a Region; None if the Region is listed but has no data yet."""
    expected = look(settings, partial(region_identity.known, name=name))

    def ask(db: Connection) -> T:
        region_identity.require(name, expected, region_identity.own(db))
        return query(db)

    try:
        if settings.database is None:
            found = sqlite.look_into(region_file(settings.data, name), regional_schema.regional, ask)
        else:
            found = _postgres().look_into_region(settings.database, name, ask)
        if found is None:
            region_identity.require(name, expected, None)
    except Refusal as refusal:
        return refusal
    return found


def _look(settings: Settings) -> Found | None:
    """Return the catalog that the settings name; None if there is none. Creates and changes nothing."""

    def query(db: Connection) -> Found:
        site_key = credentials.site_key(db)
        # After the site key: a process that creates both now creates the key file first.
        return folder_catalog.found(found_sealer(settings), site_key)

    return look(settings, query)


def _require_layers(settings: Settings) -> None:
    """Raise ConfigurationWrong for a new folder if the database has Regions, and layers are files.

    Keys of the settings open the database beside any folder. Only a folder's note or key file tells that it has layers.
    """
    if settings.database is None or settings.object_store is not None or not look(settings, listed_regions):
        return
    if folder_catalog.look(settings.data).noted is None and not has_sealer(settings.data):
        problem = (
            f"'data': the layers of this database are files in another folder than '{settings.data}': name the folder "
            "that its hosts share, or keep layers in an 'object_store'"
        )
        raise ConfigurationWrong([problem])


def _opened(settings: Settings, world: Clock) -> WholeCatalog:
    if settings.database is None:
        return EmbeddedCatalog(settings.data, world)
    catalog: WholeCatalog = _postgres().PostgresCatalog(settings.database, world, settings.database_connections)
    return catalog


def _postgres() -> ModuleType:
    # Imported late: a deployment in files pays nothing for PostgreSQL (docs/decisions/0004-lean-imports.md).
    return importlib.import_module("twinport.catalog.postgres")
