"""Builds the stores of a bucket. Loaded with its libraries only where the settings name an object store."""

from datetime import timedelta

from twinport.aws.sigv4 import Credentials
from twinport.blobs.bucket import Encryption
from twinport.blobs.objects import ObjectBlobStores, Presigning
from twinport.clock import WallClock
from twinport.egress.bucket import BucketAddress
from twinport.settings.loading import Settings
from twinport.settings.storage import Location, Pulls, StoreEncryption

# No address that a client was given outlives this, nor half of the time that a reader has before garbage goes.
_LONGEST_LIFE = timedelta(minutes=5)


def object_stores(settings: Settings, location: Location) -> ObjectBlobStores:
    """Return the stores of a bucket. Opens no connection."""
    address = BucketAddress(
        settings.store_endpoint,
        location.bucket,
        settings.object_store_region,
        Credentials(settings.object_store_key or "", settings.store_secret),
        settings.object_store_authorities,
    )
    return ObjectBlobStores(address, location.prefix, settings.data, _encryption(settings), _presigning(settings))


def _encryption(settings: Settings) -> Encryption | None:
    if settings.object_store_encryption is StoreEncryption.NONE:
        return None
    return Encryption(settings.object_store_encryption.value, settings.object_store_kms_key)


def _presigning(settings: Settings) -> Presigning | None:
    life = min(_LONGEST_LIFE, settings.retention.reader_grace / 2)
    # An address lives for whole seconds.
    if settings.object_store_pulls is Pulls.PROXIED or life < timedelta(seconds=1):
        return None
    return Presigning(settings.object_store_public_endpoint or settings.store_endpoint, life, WallClock())
