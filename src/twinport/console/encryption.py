"""What a repository's encryption means in this deployment, in words."""

from twinport.model.encryption import AES256, WITH_KEYS
from twinport.settings.storage import EncryptionAtRest

# The types that a form offers, with what each is.
TYPES = (
    (AES256, "the default, without a key"),
    ("KMS", "with a key of AWS KMS"),
    ("KMS_DSSE", "with a key of AWS KMS, for two layers of encryption"),
)
_OF_THE_STORE = (
    "twinport does not encrypt images itself: they are encrypted at rest only if the disks of the server are. "
    "The console cannot see that; ask the operator of this deployment."
)
_OF_KEYS = {
    EncryptionAtRest.VOLUME: (
        "The key is stored and shown, and not used: twinport asks no KMS. The operator of this deployment has declared "
        "that its disks are encrypted."
    ),
    EncryptionAtRest.STORE: (
        "The key is stored and shown, and not used for this repository alone: the object store encrypts all layers "
        "with the key of this deployment."
    ),
    EncryptionAtRest.RECORD: (
        "The key is stored and shown, and nothing is encrypted with it: this deployment is for tests of clients, "
        "and twinport asks no KMS."
    ),
    EncryptionAtRest.REFUSE: (
        "The key is shown, and nothing is encrypted with it: this deployment no longer takes keys of AWS KMS."
    ),
}


def meaning(encryption: str, at_rest: EncryptionAtRest) -> str:
    """Say what an encryption type does for the bytes of a repository."""
    return _OF_KEYS[at_rest] if encryption in WITH_KEYS else _OF_THE_STORE
