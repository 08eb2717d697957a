"""Tokens in forms: proof that the page with the form was made for the person who sends it.

A token is a keyed hash of the cookie, which is random and unreadable for scripts: it tells nothing of the cookie, and
there is nothing to store.
"""

import hashlib
import hmac

FIELD = "csrf"


def token(cookie: str) -> str:
    return hmac.new(cookie.encode(), b"twinport console form", hashlib.sha256).hexdigest()


def is_genuine(given: str, cookie: str) -> bool:
    return hmac.compare_digest(given.encode(), token(cookie).encode())
