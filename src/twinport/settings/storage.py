"""What the operator says about storage: where layers are, how they reach clients, and what encrypts them."""

from dataclasses import dataclass
from enum import Enum


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
