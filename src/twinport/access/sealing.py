"""Secrets at rest: sealed with a key that is stored outside the databases."""

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twinport.errors import ConfigurationWrong
from twinport.refusals.storage import FolderUnusable
from twinport.settings.storage import sealing_keys

KEY_FILE = "sealing.key"
_VERSION = "v1"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class Sealer:
    """Seals small secrets as `v1:key-id:nonce:ciphertext` (AES-256-GCM, base64url without padding).

    `purpose` is authenticated with the secret: what was sealed for one row cannot be opened as another.
    """

    def __init__(self, keys: dict[str, bytes], current: str) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current

    @property
    def instance(self) -> str:
        """The unique name of this deployment. It is no secret."""
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
        f"the database was begun with the sealing key '{_key_id(sealed)}', and this host has {has}: "
        "every host needs the same 'sealing_key_file', or a data folder with the same sealing.key"
    )
    return ConfigurationWrong([problem])


def _key_id(sealed: str) -> str:
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


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = f"{secrets.token_hex(4)}:{secrets.token_hex(_KEY_BYTES)}\n".encode()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    # A link, not a rename: when two processes start at once, the first one's key stays.
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
