"""The tags of a session: the requested tags, and the tags that a chain of sessions inherits."""

from dataclasses import dataclass

from twinport.access.gate import NO_CONTEXT, Context
from twinport.model.entities import Tag
from twinport.model.identities import Session
from twinport.model.letters import lower_ascii
from twinport.refusals.identities import SessionTagsInvalid

_RESERVED_KEYS = "aws:"


@dataclass(frozen=True, slots=True)
class SessionTags:
    """`transitive` are the keys that sessions started by this one inherit, in lower case."""

    tags: dict[str, str]
    transitive: frozenset[str]


def combined(calling: Session | None, given: tuple[Tag, ...], transitive: tuple[str, ...]) -> SessionTags:
    """Return the tags of a new session. Raises SessionTagsInvalid."""
    keys = _checked(given)
    passed_on = frozenset(lower_ascii(key) for key in transitive)
    if not passed_on <= keys:
        raise SessionTagsInvalid("The specified transitive tag key must be included in the requested tags.")
    carried = calling.transitive if calling else frozenset()
    if keys & carried:
        raise SessionTagsInvalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session."
        )
    inherited = {key: value for key, value in calling.tags.items() if lower_ascii(key) in carried} if calling else {}
    return SessionTags(inherited | {tag.key: tag.value for tag in given}, carried | passed_on)


def context(tags: SessionTags) -> Context:
    """Return the condition keys for the tags of a session; none if there are no tags."""
    if not tags.tags:
        return NO_CONTEXT
    keys = {f"aws:RequestTag/{key}": (value,) for key, value in tags.tags.items()}
    passed_on = {"sts:TransitiveTagKeys": tuple(sorted(tags.transitive))} if tags.transitive else {}
    return {**keys, "aws:TagKeys": tuple(tags.tags), **passed_on}


def _checked(given: tuple[Tag, ...]) -> frozenset[str]:
    keys = frozenset(lower_ascii(tag.key) for tag in given)
    if len(keys) != len(given):
        raise SessionTagsInvalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    for key in keys:
        if key.startswith(_RESERVED_KEYS):
            raise SessionTagsInvalid(f"the tag key '{key}' begins with '{_RESERVED_KEYS}', which is reserved")
    return keys
