"""What the operator says about encryption at rest: whether repositories may ask for keys of KMS."""

from enum import Enum


class EncryptionAtRest(Enum):
    """The setting `encryption_at_rest`. twinport has no cipher and no KMS: the volume encrypts, or nothing does."""

    # Repositories with keys of KMS are refused.
    REFUSE = "refuse"
    # The operator encrypts the volumes of data folder and database; what a repository asked for is stored and shown.
    VOLUME = "volume"
    # Nothing is encrypted; what a repository asked for is stored and shown, for tests of clients.
    RECORD = "record"

    @property
    def takes_keys(self) -> bool:
        """Tell whether repositories may name keys of KMS."""
        return self is not EncryptionAtRest.REFUSE
