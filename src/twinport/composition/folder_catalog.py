"""Which catalog a data folder belongs to. Rows and bytes that do not belong together are worse than no data.

A catalog's identity is its site key. It exists from the first start, and a reset keeps it. The folder notes the key's
fingerprint in `catalog.identity`, never the catalog's address, which may hold a password. A folder of an earlier
version has no note. Then its sealing key decides, since it opens the site key of no other catalog.
See docs/decisions/0022-how-a-folder-knows-its-catalog.md.
"""

import hashlib
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from twinport.access import sealing
from twinport.access.sealing import SealBroken, Sealer
from twinport.catalog.credentials import SiteKeyRow
from twinport.catalog.engine import folders
from twinport.errors import ConfigurationWrong
from twinport.refusals.storage import FolderUnusable

_NOTE = "catalog.identity"
_IDENTITY = re.compile(r"[0-9a-f]{32}")
# What only a running server creates in a folder.
_OF_SERVERS = ("processes", "regions")


@dataclass(frozen=True, slots=True)
class Folder:
    """The facts of a data folder: the noted catalog, and whether servers have used the folder.

    `was_served` is False for a folder that lost its sealing key or never had one, even if a server ran on it.
    """

    noted: str | None
    was_served: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The catalog that the settings name. `identity` is None before the first start of a server.

    `sealed` is its site key, and `opens` tells whether the sealing key of this host opens it.
    """

    identity: str | None = None
    sealed: str = field(default="", repr=False)
    opens: bool = False


class Standing(Enum):
    """How a folder and the catalog in the settings belong together."""

    OWN = "it is the catalog of this folder"
    UNUSED = "neither has seen a server yet"
    SEALED_ELSEWHERE = "it was begun with the sealing key of another folder"
    ANOTHER = "it is the catalog of another folder, or of none"


def standing(folder: Folder, found: Found | None) -> Standing:
    """Decide how a folder and a catalog belong together. `found` is None if there is no catalog."""
    if found is None or found.identity is None:
        return Standing.UNUSED if folder.noted is None and not folder.was_served else Standing.ANOTHER
    if folder.noted is not None and folder.noted != found.identity:
        return Standing.ANOTHER
    return Standing.OWN if found.opens else Standing.SEALED_ELSEWHERE


def look(folder: Path) -> Folder:
    """Read the facts of a folder. A missing folder has none. Raises NotAFolder and FolderUnusable."""
    folders.require(folder)
    has_key = sealing.has_sealer(folder)
    try:
        return Folder(_noted(folder), has_key and any((folder / name).exists() for name in _OF_SERVERS))
    except OSError as error:
        raise FolderUnusable(str(folder), f"cannot be read ({error.strerror})") from error


def found(sealer: Sealer | None, site_key: SiteKeyRow | None) -> Found:
    """Return the facts of a catalog with this site key for a host with this sealer, which may have none yet."""
    if site_key is None:
        return Found()
    opens = sealer is not None and _opens(sealer, site_key)
    return Found(identity_of(site_key), site_key.sealed_private_key, opens)


def identity_of(site_key: SiteKeyRow) -> str:
    """Return the identity of a catalog, which is no secret."""
    return hashlib.sha256(site_key.public_key).hexdigest()[:32]


def note(folder: Path, site_key: SiteKeyRow) -> None:
    """Note durably which catalog a folder belongs to, unless there is a note. Makes the folder.

    Raises FolderUnusable, and what `folders.make` does.
    """
    path, draft = folder / _NOTE, folder / f".{_NOTE}.{secrets.token_hex(4)}"
    try:
        if path.exists():
            return
        if not folder.exists():
            folders.make(folder)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w") as file:  # noqa: PTH123 — a descriptor with its mode from the beginning
            file.write(f"{identity_of(site_key)}\n")
            file.flush()
            os.fsync(handle)
        # A link, not a rename: when two processes write a note, the first one stays.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
        folders.sync(folder)
    except OSError as error:
        raise FolderUnusable(str(path), f"cannot be written ({error.strerror})") from error


def _noted(folder: Path) -> str | None:
    path = folder / _NOTE
    if not path.exists():
        return None
    text = path.read_text(errors="replace").strip()
    if not _IDENTITY.fullmatch(text):
        problem = f"{path}: it does not name a catalog; restore it from a copy of the folder, or remove it"
        raise ConfigurationWrong([problem])
    return text


def _opens(sealer: Sealer, site_key: SiteKeyRow) -> bool:
    try:
        sealer.open(site_key.sealed_private_key, f"site key {site_key.id}")
    except SealBroken:
        return False
    return True
