"""The claims of an ID token: its validity period, its subject, and the condition keys that it fills. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from twinport.model.entities import Tag
from twinport.refusals.identities import SessionTagsInvalid
from twinport.refusals.oidc import ClaimMissing, TokenExpired, TokenMalformed, TokenNotYetValid

Claims = Mapping[str, object]
# The clock difference that IAM tolerates, in seconds.
SKEW = 300
_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_MOST_TAGS = 50
# JSON can spell these characters, and neither a database nor an answer in UTF-8 can hold them.
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
# Claims beyond the standard's that AWS lets trust policies ask about, for one issuer alone.
_OF_ISSUER: Mapping[str, tuple[str, ...]] = {
    "token.actions.githubusercontent.com": (
        "actor",
        "actor_id",
        "enterprise_id",
        "environment",
        "job_workflow_ref",
        "ref",
        "repository",
        "repository_id",
        "workflow",
    )
}


@dataclass(frozen=True, slots=True)
class Unverified:
    """The parts of a token that are read before it is verified."""

    issuer: str
    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """The subject of a verified token.

    `audiences` is the authorized party (`azp`) if there is one, else the audience. `keys` are condition keys for the
    trust policy. `kept` are the keys that the session has too.
    """

    subject: str
    audiences: tuple[str, ...]
    keys: Mapping[str, tuple[str, ...]]
    kept: Mapping[str, tuple[str, ...]]
    tags: tuple[Tag, ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str | None = field(default=None)


def identity_of(claims: Claims, url: str, now: datetime) -> WebIdentity:
    """Read a verified token of the issuer at `url`, which comes without `https://`.

    Raises TokenExpired, TokenNotYetValid, ClaimMissing, TokenMalformed, SessionTagsInvalid.
    """
    _check_times(claims, int(now.timestamp()))
    subject, audience = _text(claims, "sub"), _texts(claims, "aud")
    if not subject or not audience:
        raise ClaimMissing("aud" if subject else "sub")
    party = _texts(claims, "azp") or audience
    kept = {"aud": party, "sub": (subject,), "amr": _texts(claims, "amr")}
    others = {name: _texts(claims, name) for name in ("email", *_OF_ISSUER.get(url, ()))}
    tags, transitive = _session_tags(claims)
    return WebIdentity(
        subject=subject,
        audiences=party,
        keys=_named(url, {**kept, "oaud": audience, **others}),
        kept=_named(url, kept),
        tags=tags,
        transitive=transitive,
        source_identity=_text(claims, _SOURCE_IDENTITY) or None,
    )


def _check_times(claims: Claims, now: int) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    if expires is None or issued is None:
        raise ClaimMissing("exp" if expires is None else "iat")
    if now >= expires + SKEW:
        raise TokenExpired(now, expires)
    for claim in ("iat", "nbf"):
        if (_moment(claims, claim) or 0) > now + SKEW:
            raise TokenNotYetValid(claim)


def _named(url: str, values: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Name claims as policies do: `issuer.example:sub`. A missing claim gives no key."""
    return {f"{url}:{name}": value for name, value in values.items() if value}


def _session_tags(claims: Claims) -> tuple[tuple[Tag, ...], tuple[str, ...]]:
    """Parse the tags that an issuer gives a session: nested in one claim, or flat with one claim each."""
    nested = claims.get(_TAGS, {})
    if not isinstance(nested, dict):
        raise TokenMalformed
    flat = f"{_TAGS}/principal_tags/"
    given = {name.removeprefix(flat): value for name, value in claims.items() if name.startswith(flat)}
    inside = nested.get("principal_tags", {})
    if not isinstance(inside, dict):
        raise TokenMalformed
    keys = nested.get("transitive_tag_keys", claims.get(f"{_TAGS}/transitive_tag_keys", []))
    return _tags({**given, **inside}), _listed(keys)


def _tags(given: Mapping[str, object]) -> tuple[Tag, ...]:
    tags = [Tag(text_of(key), value) for key, values in given.items() for value in _listed(values)]
    if len(tags) > _MOST_TAGS or any(not 0 < len(tag.key) <= 128 or len(tag.value) > 256 for tag in tags):  # noqa: PLR2004 — as in requests
        raise SessionTagsInvalid("the token's session tags are too many or too long")
    return tuple(tags)


def _moment(claims: Claims, name: str) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1 << 40:
        raise TokenMalformed
    return int(value)


def text_of(value: object) -> str:
    """Return a string that can be stored and sent in an answer. Raises TokenMalformed for anything else."""
    if not isinstance(value, str) or _NO_TEXT.search(value):
        raise TokenMalformed
    return value


def _text(claims: Claims, name: str) -> str:
    return text_of(claims.get(name, ""))


def _texts(claims: Claims, name: str) -> tuple[str, ...]:
    return _listed(claims.get(name, []))


def _listed(value: object) -> tuple[str, ...]:
    return tuple(text_of(each) for each in (value if isinstance(value, list) else [value]))
