"""What the operator says about storage: where layers are, how they reach clients, and what encrypts or seals."""

import re
from dataclasses import dataclass
from enum import Enum

_KEY_LINE = re.compile(r"([A-Za-z0-9._-]{1,64}):([0-9a-fA-F]{64})")


class EncryptionAtRest(Enum):
    """The setting `encryption_at_rest`. twinport has no cipher and no KMS: volume or store encrypt, or nothing does."""

    # Repositories with keys of KMS are refused.
    REFUSE = "refuse"
    # The operator encrypts the volumes of data folder and database; what a repository asked for is stored and shown.
    VOLUME = "volume"
    # The object store encrypts the blobs, as `object_store_encryption` says, and the operator the database's volume.
    STORE = "store"
    # Nothing is encrypted; what a repository asked for is stored and shown, for tests of clients.
    RECORD = "record"

    @property
    def takes_keys(self) -> bool:
        """Tell whether repositories may name keys of KMS."""
        return self is not EncryptionAtRest.REFUSE


class StoreEncryption(Enum):
    """The setting `object_store_encryption`: what each object asks the store for."""

    NONE = "none"
    AES256 = "AES256"
    KMS = "aws:kms"


class Pulls(Enum):
    """The setting `object_store_pulls`: how the bytes of a layer reach a client."""

    PROXIED = "proxied"
    REDIRECTED = "redirected"


@dataclass(frozen=True, slots=True)
class Location:
    """The setting `object_store`, `s3://BUCKET/PREFIX`. The prefix may be empty."""

    bucket: str
    prefix: str


def sealing_keys(text: str) -> dict[str, bytes]:
    """Return the keys that seal secrets, by their ids, in the order of the lines `KEYID:HEX64`.

    The first one seals, and all of them open. Raises ValueError, which repeats nothing of a
    text that may be a key with a mistake in it.
    """
    found: dict[str, bytes] = {}
    for line in text.split():
        parts = _KEY_LINE.fullmatch(line)
        if parts is None:
            raise ValueError("lines KEYID:HEX64 are needed, an id of letters, digits and . _ - and 64 hex digits")
        if parts[1] in found:
            raise ValueError(f"the id '{parts[1]}' stands in two lines: each key needs an id of its own")
        found[parts[1]] = bytes.fromhex(parts[2])
    if not found:
        raise ValueError("at least one line KEYID:HEX64 is needed")
    return found
