"""Unique ids of users (AIDA…), roles (AROA…) and managed policies (ANPA…): never given twice, unlike names."""

import secrets

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CHARACTERS = 17


def user() -> str:
    return _made("AIDA")


def role() -> str:
    return _made("AROA")


def policy() -> str:
    return _made("ANPA")


def _made(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_CHARACTERS))
