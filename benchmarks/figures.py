"""Figures: what one round found, and what several rounds make of it."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Found:
    """What one round found. `cpu_ms` is the server's processor time for an operation."""

    value: float
    operations: int = 0
    cpu_ms: float | None = None
    # Processors that neither the server nor the generator kept busy.
    other_cores: float | None = None
    note: str = ""
    # What a work counted itself, because a round does more than what is asked about.
    statements: float | None = None
    writes: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of work in the table. `less` says that less is better."""

    name: str
    unit: str = "/s"
    less: bool = False


@dataclass
class Cell:
    """What all rounds found about one contender in one row, or why there is nothing."""

    rounds: list[Found] = field(default_factory=list)
    reason: str = ""
    statements: float | None = None
    writes: float | None = None

    @property
    def value(self) -> float | None:
        """Return the median of the rounds."""
        return statistics.median(each.value for each in self.rounds) if self.rounds else None

    @property
    def cpu_ms(self) -> float | None:
        """Return the median of the processor time of an operation."""
        return _median([each.cpu_ms for each in self.rounds])

    @property
    def other_cores(self) -> float | None:
        """Return how busy other programs were, at worst."""
        return max((each.other_cores for each in self.rounds if each.other_cores is not None), default=None)

    def document(self) -> Mapping[str, Any]:
        """Return everything, as JSON has it."""
        figures = {"value": self.value, "cpu_ms": self.cpu_ms, "other_cores": self.other_cores}
        return {**figures, **asdict(self)}


def _median(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return statistics.median(known) if known else None


Table = dict[Row, dict[str, Cell]]


def ratio(ours: Cell, theirs: Cell) -> float | None:
    """Return ours divided by theirs."""
    if ours.value is None or not theirs.value:
        return None
    return ours.value / theirs.value
