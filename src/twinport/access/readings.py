"""What a match in a policy counts as where it cannot be told for certain. Pure."""

from dataclasses import dataclass
from enum import Enum


class Effect(Enum):
    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Reading:
    """How the patterns of one element of a statement are read. Doubt never grants.

    `doubtful` is what an uncertain match counts as: of a value that is too long to be compared or is no address, or
    of a resource by a wildcard that reaches over the colons of an ARN. It is a match where a match refuses (in a Deny,
    and behind a `Not` of an Allow), and none where a match grants (in an Allow, and behind a `Not` of a Deny).
    `unresolved` is the same for a variable without a value, except that it matches nothing in a Deny.
    """

    doubtful: bool
    unresolved: bool

    @classmethod
    def of(cls, effect: Effect, *, negated: bool) -> "Reading":
        """Return the reading of a statement's element. NotResource and operators like StringNotEquals are negated."""
        refuses = negated is (effect is Effect.ALLOW)
        return cls(doubtful=refuses, unresolved=refuses and effect is Effect.ALLOW)
