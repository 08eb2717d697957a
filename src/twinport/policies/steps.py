"""The bounds of one decision: the most steps, and the longest value that a condition reads. Pure.

Why these figures: docs/decisions/0025-bounded-decisions.md.
"""

from collections.abc import Mapping

# A step is the cost of one pattern against one short text, a quarter of a microsecond. All steps take about 5 ms.
MOST_STEPS = 20_000
# The longest value that a condition compares, and the longest that a variable stands for, in characters.
LONGEST_VALUE = 1024


class StepsSpent(Exception):
    """A decision needs more steps than it may take."""


class Steps:
    """The steps that are left for one decision, and a cache of what it computed from its texts."""

    __slots__ = ("_positions", "left")

    def __init__(self, left: int = MOST_STEPS) -> None:
        self.left = left
        self._positions: dict[str, Mapping[str, int]] | None = None

    def spend(self, steps: int) -> None:
        """Spend steps before the work that they pay for. Raises StepsSpent."""
        self.left -= steps
        if self.left < 0:
            raise StepsSpent

    def positions(self, text: str) -> Mapping[str, int]:
        """Return the positions of each character of `text`: bit *n* is set for position *n*. Raises StepsSpent."""
        if self._positions is None:
            self._positions = {}
        found = self._positions.get(text)
        if found is None:
            self.spend(2 * len(text))
            found = self._positions[text] = _positions(text)
        return found


def rate(characters: int) -> int:
    """Return the steps that one comparison with a text of so many characters takes."""
    return 1 + (characters >> 5)


def _positions(text: str) -> Mapping[str, int]:
    found: dict[str, int] = {}
    here = 1
    for character in text:
        found[character] = found.get(character, 0) | here
        here <<= 1
    return found
