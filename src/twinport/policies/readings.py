"""How an uncertain match in a policy counts. Pure."""

from dataclasses import dataclass
from enum import Enum


class Effect(Enum):
    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Reading:
    """How the patterns of one element of a statement are read. Doubt never grants.

    `doubtful` tells whether an uncertain match counts as a match. A match is uncertain for a value that is too long to
    compare or is no address, and for a resource when a wildcard reaches over the colons of an ARN. It counts where a
    match refuses (in a Deny, and in the `Not` element of an Allow). It does not count where a match grants (in an
    Allow, and in the `Not` element of a Deny). `unresolved` is the same for a variable without a value, except that it
    matches nothing in a Deny.
    """

    doubtful: bool
    unresolved: bool

    @classmethod
    def of(cls, effect: Effect, *, negated: bool) -> "Reading":
        """Return the reading of a statement's element. NotResource and operators like StringNotEquals are negated."""
        refuses = negated is (effect is Effect.ALLOW)
        return cls(doubtful=refuses, unresolved=refuses and effect is Effect.ALLOW)
