"""Unique ids of users (AIDA…), groups (AGPA…), roles (AROA…), instance profiles (AIPA…) and managed policies (ANPA…).

No id is ever assigned twice.
"""

import hashlib
import secrets

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CHARACTERS = 17


def user() -> str:
    return _made("AIDA")


def group() -> str:
    return _made("AGPA")


def role() -> str:
    return _made("AROA")


def instance_profile() -> str:
    return _made("AIPA")


def policy() -> str:
    return _made("ANPA")


def of_aws_policy(arn: str) -> str:
    """Return the unique id of an AWS policy, the same every time. It is computed, since the policy has no row."""
    digest = hashlib.sha256(arn.encode()).digest()
    return "ANPA" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_CHARACTERS])


def _made(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_CHARACTERS))
