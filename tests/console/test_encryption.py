"""The words for a repository's encryption: each way to encrypt at rest has its own."""

from twinport.console.encryption import meaning
from twinport.settings.storage import EncryptionAtRest


def test_each_setting_says_what_a_key_does() -> None:
    assert len({meaning("KMS", each) for each in EncryptionAtRest}) == len(EncryptionAtRest)
    assert len({meaning("AES256", each) for each in EncryptionAtRest}) == 1
