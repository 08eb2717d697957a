"""Signature Version 4, as AWS checks it everywhere but in S3: parsing, verifying and making signatures.

Pure: the time and the hash of the body are arguments. Parsing proves nothing. Only if `verify` passes does the request
come from the holder of the secret, with its method, path, query, signed headers and body.
"""

import hmac
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes, urlencode

from twinport.refusals.callers import (
    CredentialsMissing,
    SignatureExpired,
    SignatureIncomplete,
    SignatureMismatch,
    SignatureNotYetCurrent,
)

SKEW = timedelta(minutes=15)
LONGEST_LIFE = timedelta(days=7)
EMPTY_HASH = sha256(b"").hexdigest()

# The parameters in the query string of a presigned request besides the operation's own.
PRESIGNED = frozenset(
    {
        "X-Amz-Algorithm",
        "X-Amz-Content-Sha256",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    }
)

_ALGORITHM = "AWS4-HMAC-SHA256"
_TERMINATOR = "aws4_request"
_UNSIGNED_BODY = "UNSIGNED-PAYLOAD"
_FIELDS = ("Credential", "SignedHeaders", "Signature")
_STAMP = "%Y%m%dT%H%M%SZ"
_STAMP_FORM = re.compile("[0-9]{8}T[0-9]{6}Z")
_BLANKS = re.compile("[ \t]+")
_CREDENTIAL_PARTS = 5


@dataclass(frozen=True, slots=True)
class Message:
    """A request without its body. Path and query are as in the request line. Header names are lower-case."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    _signed: "list[SignedRequest]" = field(default_factory=list, init=False, repr=False, compare=False)

    def values(self, name: str) -> list[str]:
        """Return the values of all header lines with this name."""
        return [value for key, value in self.headers if key == name]

    def signed(self) -> "SignedRequest":
        """As `parse`, once: the gateway asks which service a request is for, the authenticator which key signed it."""
        if not self._signed:
            self._signed.append(parse(self))
        return self._signed[0]


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature is valid: one day, one Region, one service."""

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{_TERMINATOR}"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The signature's fields in a request. `expires` is set only for the presigned form."""

    message: Message
    access_key_id: str
    scope: Scope
    signed_headers: tuple[str, ...]
    signature: str
    signed_at: datetime
    session_token: str | None
    expires: timedelta | None


def parse(message: Message) -> SignedRequest:
    """Parse the signature's fields from the Authorization header or from the query string, never from both."""
    authorization = message.values("authorization")
    fields = _presigned_fields(message)
    if fields and (authorization or message.values("x-amz-security-token")):
        raise SignatureIncomplete("a request is signed by its headers or by its query string, not by both")
    if fields:
        return _from_query(message, fields)
    if not authorization:
        raise CredentialsMissing
    return _from_header(message, _only(authorization, "Authorization"))


def verify(signed: SignedRequest, secret: str, *, now: datetime, body_hash: str) -> None:
    """Verify that the holder of `secret` signed and the signature is valid now. `body_hash` is the body's hex SHA-256.

    Raises SignatureExpired, SignatureNotYetCurrent or SignatureMismatch. The calling function must check the scope:
    see `require_scope`.
    """
    _require_time(signed, now)
    _require_coverage(signed)
    canonical = _canonical_request(signed.message, signed.signed_headers, _agreed_hash(signed, body_hash))
    expected = _signature(secret, signed.scope, signed.signed_at, canonical)
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):
        raise SignatureMismatch


def require_scope(signed: SignedRequest, *, service: str, regions: Container[str]) -> None:
    """Refuse a signature for another service or for a Region that is not served here."""
    if signed.scope.service != service:
        raise SignatureMismatch(f"Credential should be scoped to correct service: '{service}'.")
    if signed.scope.region not in regions:
        raise SignatureMismatch("Credential should be scoped to a valid region.")


def declared_body_hash(message: Message) -> str | None:
    """Return the hash in X-Amz-Content-SHA256, so that a streamed body can be compared once it has arrived."""
    values = message.values("x-amz-content-sha256")
    return _only(values, "X-Amz-Content-SHA256") if values else None


def sign(
    message: Message, credentials: Credentials, *, region: str, service: str, now: datetime, body_hash: str
) -> dict[str, str]:
    """Return the headers to add to a request that has a Host header. Signs every header of the request."""
    scope = Scope(f"{now.astimezone(UTC):%Y%m%d}", region, service)
    added = {"x-amz-date": _stamp(now), "x-amz-content-sha256": body_hash}
    if credentials.session_token is not None:
        added["x-amz-security-token"] = credentials.session_token
    whole = Message(message.method, message.path, message.query, (*message.headers, *added.items()))
    names = tuple(sorted({name for name, _ in whole.headers}))
    signature = _signature(credentials.secret, scope, now, _canonical_request(whole, names, body_hash))
    authorization = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return {**added, "authorization": authorization}


def presign(
    message: Message, credentials: Credentials, *, region: str, service: str, now: datetime, expires: timedelta
) -> str:
    """Return the query of a presigned request: the message's own, signed for `expires`, for any body.

    Signs every header of the request. Its holder must send these, and needs no others.
    """
    scope = Scope(f"{now.astimezone(UTC):%Y%m%d}", region, service)
    names = tuple(sorted({name for name, _ in message.headers}))
    added = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": _stamp(now),
        "X-Amz-Expires": str(int(expires.total_seconds())),
        "X-Amz-SignedHeaders": ";".join(names),
    }
    if credentials.session_token is not None:
        added["X-Amz-Security-Token"] = credentials.session_token
    query = "&".join(filter(None, (message.query, urlencode(added, quote_via=quote))))
    canonical = _canonical_request(replace(message, query=query), names, _UNSIGNED_BODY)
    return f"{query}&X-Amz-Signature={_signature(credentials.secret, scope, now, canonical)}"


def _from_header(message: Message, authorization: str) -> SignedRequest:
    algorithm, _, rest = authorization.strip().partition(" ")
    _require_algorithm(algorithm)
    pairs = [part.strip().partition("=")[::2] for part in rest.split(",")]
    fields = dict(pairs)
    missing = [name for name in _FIELDS if not fields.get(name)]
    if missing:
        raise SignatureIncomplete(" ".join(f"Authorization header requires '{name}' parameter." for name in missing))
    if len(pairs) > len(_FIELDS):
        raise SignatureIncomplete(f"Authorization header takes {', '.join(_FIELDS)}, each once")
    stamps, tokens = message.values("x-amz-date"), message.values("x-amz-security-token")
    if not stamps:
        raise SignatureIncomplete("Authorization header requires existence of a 'X-Amz-Date' header.")
    fields["Date"] = _only(stamps, "X-Amz-Date")
    return _signed_request(message, fields, _only(tokens, "X-Amz-Security-Token") if tokens else None, None)


def _presigned_fields(message: Message) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in _query_pairs(message.query):
        if name in PRESIGNED:
            fields.setdefault(name.removeprefix("X-Amz-"), []).append(value)
    return fields


def _from_query(message: Message, given: Mapping[str, list[str]]) -> SignedRequest:
    fields = {name: _only(values, f"X-Amz-{name}") for name, values in given.items()}
    missing = [name for name in ("Algorithm", *_FIELDS, "Date", "Expires") if not fields.get(name)]
    if missing:
        raise SignatureIncomplete(" ".join(f"AWS query-string parameters must include 'X-Amz-{it}'." for it in missing))
    _require_algorithm(fields["Algorithm"])
    expires = fields["Expires"]
    seconds = int(expires) if re.fullmatch("[0-9]{1,6}", expires) else 0
    if not 1 <= seconds <= LONGEST_LIFE.total_seconds():
        raise SignatureIncomplete(f"X-Amz-Expires must be 1 to {LONGEST_LIFE.total_seconds():.0f} seconds")
    return _signed_request(message, fields, fields.get("Security-Token"), timedelta(seconds=seconds))


def _signed_request(
    message: Message, fields: Mapping[str, str], session_token: str | None, expires: timedelta | None
) -> SignedRequest:
    credential = fields["Credential"].split("/")
    if len(credential) != _CREDENTIAL_PARTS or not all(credential) or credential[-1] != _TERMINATOR:
        raise SignatureIncomplete(
            "Credential must have exactly 5 slash-delimited elements: access key id, date, region, service, "
            f"{_TERMINATOR}"
        )
    access_key_id, date, region, service, _ = credential
    return SignedRequest(
        message=message,
        access_key_id=access_key_id,
        scope=Scope(date, region, service),
        signed_headers=tuple(fields["SignedHeaders"].split(";")),
        signature=fields["Signature"],
        signed_at=_time(fields["Date"]),
        session_token=session_token,
        expires=expires,
    )


def _require_algorithm(algorithm: str) -> None:
    if algorithm != _ALGORITHM:
        raise SignatureIncomplete(f"Unsupported AWS 'algorithm': '{algorithm[:40]}', use {_ALGORITHM}")


def _only(values: list[str], name: str) -> str:
    if len(values) != 1:
        raise SignatureIncomplete(f"'{name}' is given more than once")
    return values[0]


def _time(stamp: str) -> datetime:
    try:
        if _STAMP_FORM.fullmatch(stamp):
            return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise SignatureIncomplete(f"Date must be in ISO-8601 'basic format'. Got '{stamp[:40]}'")


def _stamp(when: datetime) -> str:
    return when.astimezone(UTC).strftime(_STAMP)


def _require_time(signed: SignedRequest, now: datetime) -> None:
    date = _stamp(signed.signed_at)[:8]
    if signed.scope.date != date:
        raise SignatureMismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signed.scope.date}' != '{date}'."
        )
    if signed.signed_at > now + SKEW:
        raise SignatureNotYetCurrent(_stamp(signed.signed_at), _stamp(now + SKEW), _stamp(now), _words(SKEW))
    life = SKEW if signed.expires is None else signed.expires
    if signed.signed_at < now - life:
        raise SignatureExpired(_stamp(signed.signed_at), _stamp(now - life), _stamp(now), _words(life))


def _words(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    return f"{minutes * 60 + seconds} sec" if seconds else f"{minutes} min"


def _require_coverage(signed: SignedRequest) -> None:
    """Require that the signature covers what decides about a request: its host, and each of its AWS headers."""
    if list(signed.signed_headers) != sorted(set(signed.signed_headers)):
        raise SignatureMismatch("SignedHeaders must be in order, each name once")
    present = {name for name, _ in signed.message.headers}
    required = {"host", *(name for name in present if name.startswith("x-amz-"))}
    for name in sorted(required - set(signed.signed_headers)):
        raise SignatureMismatch(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    for name in sorted(set(signed.signed_headers) - present):
        raise SignatureMismatch(f"the signed header '{name[:40]}' is not in the request")
    if len(signed.message.values("host")) > 1:
        raise SignatureMismatch("'host' is given more than once")


def _agreed_hash(signed: SignedRequest, body_hash: str) -> str:
    """Return the signed hash: that of the body, or the word for an unsigned body if there is no body to protect."""
    declared = declared_body_hash(signed.message)
    if declared is None and signed.expires is not None:
        declared = dict(_query_pairs(signed.message.query)).get("X-Amz-Content-Sha256")
    if declared is None or declared == body_hash:
        return body_hash
    if declared == _UNSIGNED_BODY and signed.expires is not None and body_hash == EMPTY_HASH:
        return _UNSIGNED_BODY
    raise SignatureMismatch("The provided 'x-amz-content-sha256' header does not match what was computed.")


def _canonical_request(message: Message, signed_headers: tuple[str, ...], body_hash: str) -> bytes:
    headers = "".join(f"{name}:{_canonical_value(message, name)}\n" for name in signed_headers)
    lines = [
        message.method.upper(),
        _canonical_path(message.path),
        _canonical_query(message.query),
        headers,
        ";".join(signed_headers),
        body_hash,
    ]
    # Header values are raw bytes: latin-1 restores each byte unchanged.
    return "\n".join(lines).encode("latin-1")


def _canonical_path(path: str) -> str:
    """Resolve dots and double slashes, then encode the already encoded path once more."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    end = "/" if segments and path.endswith("/") else ""
    return quote("/" + "/".join(segments) + end, safe="/~", encoding="latin-1")


def _canonical_query(query: str) -> str:
    """Sort the parameters, each in canonical form. The signature itself is not signed."""
    pairs = [_encoded(pair) for pair in query.split("&")] if query else []
    return "&".join(f"{name}={value}" for name, value in sorted(pairs) if name != "X-Amz-Signature")


def _encoded(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return quote(_decoded(name), safe="-_.~"), quote(_decoded(value), safe="-_.~")


def _query_pairs(query: str) -> list[tuple[str, str]]:
    pairs = [pair.partition("=")[::2] for pair in query.split("&")]
    return [
        (_decoded(name).decode("utf-8", "replace"), _decoded(value).decode("utf-8", "replace")) for name, value in pairs
    ]


def _decoded(text: str) -> bytes:
    # The parser of the parameters reads a plus as a blank, so the signature must too.
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1"))


def _canonical_value(message: Message, name: str) -> str:
    return ",".join(_BLANKS.sub(" ", value).strip(" ") for value in message.values(name))


def _signature(secret: str, scope: Scope, signed_at: datetime, canonical_request: bytes) -> str:
    lines = [_ALGORITHM, _stamp(signed_at), str(scope), sha256(canonical_request).hexdigest()]
    return hmac.new(_signing_key(secret, scope), "\n".join(lines).encode(), sha256).hexdigest()


# Bounded, because it holds secrets: the keys of current callers.
@lru_cache(maxsize=256)
def _signing_key(secret: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
