"""ID tokens: parsing, and verification with an issuer's keys. Imported at the first token, since the import is slow.

`web_claims` decides what a claim means and when a token has expired.
"""

from collections.abc import Mapping, Sequence

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

from twinport.access.issuer_keys import JsonKey
from twinport.access.web_claims import Unverified, text_of
from twinport.refusals.oidc import KeyNotRetrieved, TokenMalformed, TokenSignatureWrong

# The algorithms that AWS accepts, which excludes shared secrets and `none`. Each has its kind of key and its curve.
_KEYS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
_SHORTEST_RSA = 2048
# The most keys of one id that are tried. A tenant names the issuer, so this bounds the work.
_MOST_TRIED = 8
_SIGNATURE_ALONE: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_NOTHING: Options = {**_SIGNATURE_ALONE, "verify_signature": False}


def read(token: str) -> Unverified:
    """Parse a token without verifying it. Raises TokenMalformed, also for an algorithm that is not accepted."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options=_NOTHING)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenMalformed from error
    algorithm, key_id = text_of(header.get("alg")), header.get("kid")
    if algorithm not in _KEYS or not isinstance(key_id, str | None):
        raise TokenMalformed
    return Unverified(text_of(claims.get("iss")), algorithm, key_id)


def verify(token: str, algorithm: str, keys: Sequence[JsonKey]) -> Mapping[str, object]:
    """Return the claims of a token that one of `keys` signed. Raises KeyNotRetrieved, TokenSignatureWrong."""
    fitting = [key for key in keys if _fits(key, algorithm)]
    if not fitting:
        raise KeyNotRetrieved
    for key in fitting[:_MOST_TRIED]:
        try:
            claims: Mapping[str, object] = jwt.decode(
                token, _public_key(key, algorithm), algorithms=[algorithm], options=_SIGNATURE_ALONE
            )
        except (jwt.PyJWTError, ValueError):
            continue
        return claims
    raise TokenSignatureWrong


def _fits(key: JsonKey, algorithm: str) -> bool:
    kind, curve = _KEYS[algorithm]
    is_for_it = key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
    return is_for_it and key.get("kty") == kind and key.get("crv") == curve


def _public_key(key: JsonKey, algorithm: str) -> jwt.PyJWK:
    public = {name: value for name, value in key.items() if name in ("kty", "n", "e", "crv", "x", "y")}
    made = jwt.PyJWK.from_dict(public, algorithm)
    if isinstance(made.key, RSAPublicKey) and made.key.key_size < _SHORTEST_RSA:
        raise ValueError(f"a key of fewer than {_SHORTEST_RSA} bits")
    return made
