"""The fields of a resource's tags: rows of a key and a value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.console.visits import Fields
from twinport.model.tags import MOST_TAGS, resource_tags

_BLANKS = 2
_MOST_ROWS = MOST_TAGS + 1


@dataclass(frozen=True, slots=True)
class TagFields:
    """The rows so far, as typed."""

    rows: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, fields: Fields) -> "TagFields":
        """Read the rows, without empty ones. One more than a resource may have is kept, so that it can be refused."""
        pairs = zip(fields.all("tag-key"), fields.all("tag-value"), strict=False)
        return cls(tuple(pair for pair in pairs if any(pair))[:_MOST_ROWS])

    @property
    def shown(self) -> Sequence[tuple[str, str]]:
        """Return the rows with some empty ones after them, as far as a resource may have more tags."""
        blanks = max(0, min(_BLANKS, MOST_TAGS - len(self.rows)))
        return (*self.rows, *[("", "")] * blanks)

    def tags(self) -> dict[str, str]:
        """Return the tags. Raises InvalidTag, TooManyTags."""
        return resource_tags(self.rows)


def as_option(tags: Sequence[tuple[str, str]] | Mapping[str, str]) -> str:
    """Return tags as the AWS CLI takes them."""
    pairs = tags.items() if isinstance(tags, Mapping) else tags
    return json.dumps([{"Key": key, "Value": value} for key, value in pairs], ensure_ascii=False)
