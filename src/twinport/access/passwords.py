"""Passwords at rest: salted scrypt hashes that include their parameters."""

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta

# 16 MiB and some 50 ms for each guess (RFC 7914; n = 2**14, r = 8).
_N, _R, _P = 1 << 14, 8, 1
_SALT_BYTES = 16
# How long a client waits for a hash, most of it in a queue.
WITHIN = timedelta(seconds=10)


def hashed(password: str) -> str:
    """Return `scrypt:n:r:p:salt:hash`. Slow: call it in a thread beside the event loop."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)
    return f"scrypt:{_N}:{_R}:{_P}:{_text(salt)}:{_text(digest)}"


def matches(password: str, stored: str) -> bool:
    """Tell whether `stored` is a hash of `password`. Takes as long as `hashed`."""
    _, n, r, p, salt, digest = stored.split(":")
    made = hashlib.scrypt(password.encode(), salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p))
    return hmac.compare_digest(made, base64.b64decode(digest))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
