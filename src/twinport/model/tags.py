"""Tags of resources. Here these are repositories; an image's tags are names."""

import re
from collections.abc import Iterable, Mapping

from twinport.model.letters import lower_ascii
from twinport.refusals.requests import InvalidTag, TooManyTags

MOST_TAGS = 50
_LONGEST_KEY, _LONGEST_VALUE = 128, 256
_RESERVED = "aws:"
_CHARACTERS = re.compile(r"[\w \u00a0+\-=.:/@]*")


def resource_tags(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Parse keys with their values. Raises InvalidTag for one outside the grammar or given twice, or TooManyTags."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise InvalidTag(f"tag key '{key}' is given more than once")
        tags[_key(key)] = _value(key, value)
    check_count(tags)
    return tags


def check_count(tags: Mapping[str, str]) -> None:
    """Raise TooManyTags for more tags than one resource may have."""
    if len(tags) > MOST_TAGS:
        raise TooManyTags(len(tags), MOST_TAGS)


def _key(key: str) -> str:
    if not 1 <= len(key) <= _LONGEST_KEY or not _CHARACTERS.fullmatch(key):
        raise InvalidTag(
            f"tag key '{key[:_LONGEST_KEY]}' must be 1 to {_LONGEST_KEY} letters, digits, spaces and + - = . _ : / @"
        )
    if lower_ascii(key).startswith(_RESERVED):
        raise InvalidTag(f"tag key '{key}' must not begin with '{_RESERVED}', which is reserved")
    return key


def _value(key: str, value: str) -> str:
    if len(value) > _LONGEST_VALUE or not _CHARACTERS.fullmatch(value):
        raise InvalidTag(
            f"the value of tag '{key}' must be at most {_LONGEST_VALUE} letters, digits, spaces and + - = . _ : / @"
        )
    return value
