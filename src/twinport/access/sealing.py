"""Secrets at rest: sealed with a key that is stored outside the databases."""

import base64
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twinport.catalog.engine import folders
from twinport.errors import ConfigurationWrong, Conflict
from twinport.refusals.storage import FolderUnusable
from twinport.settings.storage import sealing_keys

KEY_FILE = "sealing.key"
_VERSION = "v1"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_LONGEST_WAIT = timedelta(seconds=10)


class Sealer:
    """Seals small secrets as `v1:key-id:nonce:ciphertext` (AES-256-GCM, base64url without padding).

    `purpose` is authenticated with the secret: what was sealed for one row cannot be opened as another.
    """

    def __init__(self, keys: dict[str, bytes], current: str) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current

    @property
    def key_id(self) -> str:
        """Return the id of the key that seals."""
        return self._current

    @property
    def key_ids(self) -> list[str]:
        """Return the ids of the keys that open, in the order in which they were given."""
        return list(self._keys)

    def seal(self, secret: bytes, purpose: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext = self._keys[self._current].encrypt(nonce, secret, purpose.encode())
        return f"{_VERSION}:{self._current}:{_text(nonce)}:{_text(ciphertext)}"

    def open(self, sealed: str, purpose: str) -> bytes:
        """Return the secret. Raises SealBroken if it was altered, has another purpose, or its key is missing."""
        try:
            version, key_id, nonce, ciphertext = sealed.split(":")
            if version != _VERSION:
                raise SealBroken(purpose)
            return self._keys[key_id].decrypt(_bytes(nonce), _bytes(ciphertext), purpose.encode())
        except (ValueError, KeyError, InvalidTag) as error:
            raise SealBroken(purpose) from error


class KeyLines(Conflict):
    """The key file of a data folder does not have the lines that a change needs. Nothing was changed."""


class SealBroken(Exception):
    """A sealed secret does not open."""

    def __init__(self, purpose: str) -> None:
        super().__init__(f"the secret sealed for '{purpose}' does not open: it was altered or its key is gone")


def sealer_with(keys: dict[str, bytes]) -> Sealer:
    """Return a sealer with these keys; the first one seals."""
    return Sealer(keys, next(iter(keys)))


def sealed_elsewhere(sealer: Sealer | None, sealed: str) -> ConfigurationWrong:
    """Return the refusal of a database whose first secret, `sealed`, this host cannot open. `sealer` may be missing."""
    has = "none" if sealer is None else " and ".join(f"'{each}'" for each in sealer.key_ids)
    problem = (
        f"the database was begun with the sealing key '{key_id_of(sealed)}', and this host has {has}: "
        "every host needs the same 'sealing_key_file', or a data folder with the same sealing.key"
    )
    return ConfigurationWrong([problem])


def key_id_of(sealed: str) -> str:
    """Return the id of the key that sealed a secret; empty for a text that is none."""
    return sealed.split(":")[1] if sealed.count(":") > 1 else ""


def has_sealer(folder: Path) -> bool:
    """Tell whether a data folder is set up: has its key file. Raises FolderUnusable, also for a broken link."""
    path = folder / KEY_FILE
    try:
        is_there = path.exists()
    except OSError as error:
        raise FolderUnusable(str(folder), f"cannot be read ({error.strerror})") from error
    if not is_there and path.is_symlink():
        raise FolderUnusable(str(path), "cannot be used (it is a link that leads to no file)")
    return is_there


def sealer_of_folder(folder: Path) -> Sealer:
    """Open the key file of a data folder, or make one (readable by its owner alone, durable on return).

    Raises FolderUnusable, and ConfigurationWrong if there is no key in the file.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make(path)
    except OSError as error:
        raise FolderUnusable(str(path), f"cannot be used ({error.strerror})") from error
    return sealer_with(keys_of_folder(folder))


def keys_of_folder(folder: Path) -> dict[str, bytes]:
    """Return what is in the key file of a data folder. Raises FolderUnusable and ConfigurationWrong."""
    path = folder / KEY_FILE
    try:
        return sealing_keys(path.read_text())
    except OSError as error:
        raise FolderUnusable(str(path), f"cannot be used ({error.strerror})") from error
    except ValueError as error:
        raise ConfigurationWrong([f"{path}: the sealing key cannot be used: {error}"]) from error


def add_key(folder: Path) -> str:
    """Add a key as the second line of a data folder's key file, where it opens. Return its id. Durable on return.

    Raises KeyLines if there are two keys already, FolderUnusable and ConfigurationWrong.
    """
    with _changing(folder) as keys:
        if len(keys) > 1:
            raise KeyLines(f"'{folder / KEY_FILE}' has {len(keys)} keys: end that rotation before you begin another")
        added = secrets.token_hex(4)
        keys[added] = secrets.token_bytes(_KEY_BYTES)
    return added


def use_key(folder: Path, key_id: str) -> None:
    """Make a key of a data folder's key file the first, which seals, unless it is. Durable on return.

    Raises KeyLines if the file has no such key, FolderUnusable and ConfigurationWrong.
    """
    with _changing(folder) as keys:
        if key_id not in keys:
            raise KeyLines(
                f"'{folder / KEY_FILE}' has no key '{key_id}': 'twinport keys add' adds one and tells its id"
            )
        used = {key_id: keys.pop(key_id), **keys}
        keys.clear()
        keys.update(used)


def drop_key(folder: Path, key_id: str) -> None:
    """Remove a key that does not seal from a data folder's key file. Durable on return.

    Raises KeyLines if the file has no such key, or if it seals; FolderUnusable and ConfigurationWrong.
    """
    with _changing(folder) as keys:
        if key_id not in keys:
            raise KeyLines(f"'{folder / KEY_FILE}' has no key '{key_id}'")
        if key_id == next(iter(keys)):
            raise KeyLines(f"the key '{key_id}' seals: use another by 'twinport keys use KEYID' first")
        del keys[key_id]


@contextmanager
def _changing(folder: Path) -> Iterator[dict[str, bytes]]:
    """Yield the keys of a data folder, alone, and then replace its key file by what became of them."""
    path = folder / KEY_FILE
    with folders.alone(folder, _LONGEST_WAIT):
        keys = keys_of_folder(folder)
        yield keys
        try:
            _draft(path, keys).replace(path)
            folders.sync(folder)
        except OSError as error:
            raise FolderUnusable(str(path), f"cannot be written ({error.strerror})") from error


def _draft(path: Path, keys: dict[str, bytes]) -> Path:
    """Write keys to a new file beside the key file, and sync it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, "".join(f"{each}:{key.hex()}\n" for each, key in keys.items()).encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    return draft


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, {secrets.token_hex(4): secrets.token_bytes(_KEY_BYTES)})
    # A link, not a rename: when two processes start at once, the first one's key stays.
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folders.sync(path.parent)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
