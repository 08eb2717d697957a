"""What a repository's encryption means in this deployment, in words."""

from twinport.model.encryption import WITH_KEYS
from twinport.settings.encryption import EncryptionAtRest

_OF_THE_STORE = (
    "twinport has no cipher of its own: the images are encrypted if the volumes that hold them are. "
    "The operator of this deployment knows."
)
_OF_KEYS = {
    EncryptionAtRest.VOLUME: (
        "The key is stored and shown, and not used: the operator of this server says that its volumes are encrypted."
    ),
    EncryptionAtRest.RECORD: (
        "The key is stored and shown, and nothing is encrypted with it: this deployment is for tests of clients."
    ),
    EncryptionAtRest.REFUSE: (
        "The key is shown, and nothing is encrypted with it: this deployment no longer takes keys of KMS."
    ),
}


def meaning(encryption: str, at_rest: EncryptionAtRest) -> str:
    """Say what an encryption type does for the bytes of a repository."""
    return _OF_KEYS[at_rest] if encryption in WITH_KEYS else _OF_THE_STORE
