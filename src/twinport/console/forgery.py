"""Tokens in forms: proof that this server made the page with the form for the visitor that sends it.

A token is a keyed hash of the cookie. The cookie is random, and scripts cannot read it. The token reveals nothing of
the cookie, and the server stores nothing.
"""

import hashlib
import hmac

FIELD = "csrf"


def token(cookie: str) -> str:
    return hmac.new(cookie.encode(), b"twinport console form", hashlib.sha256).hexdigest()


def is_genuine(given: str, cookie: str) -> bool:
    return hmac.compare_digest(given.encode(), token(cookie).encode())
