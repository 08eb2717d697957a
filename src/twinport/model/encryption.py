"""How a repository says that its contents are encrypted at rest, and the names of keys of KMS."""

import re

from twinport.model.names import PARTITION, Registry
from twinport.refusals.requests import InvalidParameter

# Encryption with keys that the store manages itself: what a repository has that asks for nothing.
AES256 = "AES256"
# The encryption types with a key of KMS.
WITH_KEYS = ("KMS", "KMS_DSSE")
# The alias of the key that AWS manages for ECR in each account and Region: ECR takes it when a request names no key.
_MANAGED = "alias/aws/ecr"
_PARAMETER = "encryptionConfiguration"

_KEY_ID = r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"
_ALIAS = r"alias/[a-zA-Z0-9/_-]{1,250}"
_BARE_ID = re.compile(_KEY_ID)
_BARE_ALIAS = re.compile(_ALIAS)
_ARN = re.compile(rf"arn:{PARTITION}:kms:(?P<region>[a-z0-9-]{{2,25}}):[0-9]{{12}}:(?:key/{_KEY_ID}|{_ALIAS})")


def key_arn(registry: Registry, encryption: str, key: str | None) -> str | None:
    """Return the ARN by which a repository of `registry` shows its key; None for AES256, which has no key.

    A key may be given as ECR takes it: key id, alias, or the ARN of either. There is no KMS that could tell which key
    an alias names, so an alias stays one. Raises InvalidParameter.
    """
    if encryption not in WITH_KEYS:
        if key is not None:
            raise InvalidParameter(_PARAMETER, f"kmsKey must be null when encryptionType is {encryption}")
        return None
    name = _MANAGED if key is None else key
    if _BARE_ALIAS.fullmatch(name):
        return f"{_scope(registry)}:{name}"
    if _BARE_ID.fullmatch(name):
        return f"{_scope(registry)}:key/{name}"
    return _checked(registry, name)


def _scope(registry: Registry) -> str:
    return f"arn:{PARTITION}:kms:{registry.region}:{registry.account}"


def _checked(registry: Registry, arn: str) -> str:
    found = _ARN.fullmatch(arn)
    if found is None:
        raise InvalidParameter(_PARAMETER, "kmsKey must be a key id, an alias, or the ARN of a key or of an alias")
    if found["region"] != registry.region:
        raise InvalidParameter(_PARAMETER, f"kmsKey must be in the Region of the repository, {registry.region}")
    return arn
