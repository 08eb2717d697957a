"""ID tokens and the documents of their issuers, nearly right: every JSON type in every place, and text that is odd.

Values are made as JSON text, so that numbers without end, keys given twice and nesting without end are among them.
"""

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

ISSUER, AUDIENCE, SUBJECT, KEY_ID = "https://issuer.example", "sts.amazonaws.com", "repo:acme/app", "first"

ODD = (
    *("null", "true", "false", "0", "-0", "1", "-1", "1.5", "1e999", "-1e999", "NaN", "Infinity", "-Infinity"),
    *("9" * 30, f"1e{'9' * 30}", "[]", "{}", "[[]]", "[{}]", "[null]", "[1]", '[""]', '["\\ud800"]'),
    *('""', '" "', '"\\u0000"', '"\\ud800"', '"\\uffff"', '"\\u0130"', '"é"', '"=="', '"*"'),
    *('{"a":1,"a":2}', '{"":""}', '{"\\ud800":"x"}', '{"a":{"b":[]}}', '["RS256"]', "", "'", "\x00"),
    *("[" * 100 + "]" * 100, '{"a":' * 100 + "1" + "}" * 100),
    *(json.dumps(text) for text in ("RS256", "none", "HS256", "ES256", "RSA", "EC", "oct", "P-256", "AQAB", "AA")),
    *(json.dumps(f"{ISSUER}{more}") for more in ("", "/", "\x00", "\ud800", "?", "#", ":0", ":99999")),
    *(json.dumps(text) for text in ("https://", "https://[", AUDIENCE, SUBJECT, KEY_ID)),
)
# One of each type, for documents with many places.
TYPES = (
    *("null", "true", "0", "-1.5", "1e999", "NaN", '""', '"\\u0000"', '"\\ud800"', '"x"'),
    *("[]", "{}", "[[]]", "[null]", "[1]", '{"a":1,"a":2}', '{"a":{"b":[]}}', ""),
)
# Deeper than any reader goes; tried once for each kind of document, since it is long.
DEEP = ("9" * 5000, f'"{"x" * 5000}"', "[" * 50_000, "[" * 50_000 + "]" * 50_000, '{"a":' * 50_000)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.sampled_from((*ODD, *DEEP)) | _PLAIN.map(json.dumps)


def one_odd(usual: Mapping[str, str], more: tuple[str, ...] = (), values: tuple[str, ...] = ODD) -> Iterator[str]:
    """Yield every JSON object that differs from `usual` in one member: odd, absent, or given a second time."""
    for name in (*usual, *more):
        yield object_of({**usual, name: None}.items())
        for odd in values:
            yield object_of({**usual, name: odd}.items())
        yield object_of([*usual.items(), (name, "[]")])
    for deep in DEEP:
        yield object_of({**usual, "deep": deep}.items())
        for name in tuple(usual)[:1]:
            yield object_of({**usual, name: deep}.items())


def objects(usual: Mapping[str, str], more: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Make JSON objects with the members of `usual`, of which about one is odd or absent or given twice."""
    names = st.sampled_from((*usual, *more))
    changes = st.dictionaries(names, TEXTS | st.none(), max_size=2)
    twice = st.lists(st.tuples(names, TEXTS), max_size=1)
    return st.builds(lambda changed, again: object_of([*{**usual, **changed}.items(), *again]), changes, twice)


def object_of(members: Iterable[tuple[str, str | None]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members if text is not None) + "}"


@dataclass(frozen=True)
class Signer:
    """An issuer's key, which signs whatever it is given."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def key_set(self) -> str:
        return json.dumps({"keys": [self.public()]})

    def public(self) -> dict[str, object]:
        made: dict[str, object] = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**made, "kid": KEY_ID, "use": "sig", "alg": "RS256"}

    def token(self, header: str, claims: str) -> str:
        signed = b".".join(map(_encoded, (header.encode("utf-8", "replace"), claims.encode("utf-8", "replace"))))
        signature = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return b".".join((signed, _encoded(signature))).decode()


def usual_header() -> dict[str, str]:
    return {"alg": '"RS256"', "kid": json.dumps(KEY_ID), "typ": '"JWT"'}


def usual_claims() -> dict[str, str]:
    now = int(time.time())
    said = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "exp": now + 600}
    return {name: json.dumps(value) for name, value in said.items()}


HEADERS = objects(usual_header(), ("crit", "b64", "jwk", "x5c", "zip", "cty"))
_TAGS = "https://aws.amazon.com/tags"


MORE_CLAIMS = (
    *("azp", "amr", "nbf", "email", "jti", _TAGS, f"{_TAGS}/principal_tags/x", f"{_TAGS}/transitive_tag_keys"),
    "https://aws.amazon.com/source_identity",
)
_NESTED = {"principal_tags": '{"project":["a"]}', "transitive_tag_keys": '["project"]'}


def claims() -> st.SearchStrategy[str]:
    nested = objects(_NESTED).map(lambda tags: object_of([*usual_claims().items(), (_TAGS, tags)]))
    return objects(usual_claims(), MORE_CLAIMS) | nested


def odd_claims() -> Iterator[str]:
    yield from one_odd(usual_claims(), MORE_CLAIMS, TYPES)
    for issuer in ODD:
        yield object_of({**usual_claims(), "iss": issuer}.items())
    for tags in one_odd(_NESTED, (), TYPES):
        yield object_of([*usual_claims().items(), (_TAGS, tags)])


def odd_key_sets(signer: Signer) -> Iterator[str]:
    """Yield key sets that are odd, or whose one key is, which is nearly that of a signer or one on a curve."""
    yield from (*ODD, *DEEP)
    yield from one_odd({"keys": "[]"})
    usual = {name: json.dumps(value) for name, value in signer.public().items()}
    curve = {"kty": '"EC"', "crv": '"P-256"', "x": '"AA"', "y": '"AA"', "kid": json.dumps(KEY_ID)}
    for key in (*one_odd(usual, ("crv", "x", "y", "d", "k", "x5c")), *one_odd(curve, ("alg", "use"))):
        yield f'{{"keys":[{key}]}}'


def odd_discoveries() -> Iterator[str]:
    yield from (*ODD, *DEEP)
    yield from one_odd({"issuer": json.dumps(ISSUER), "jwks_uri": json.dumps(f"{ISSUER}/keys")})


def _encoded(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")
