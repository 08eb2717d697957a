"""Counters, gauges and histograms of this process: numbers in memory, under one lock each.

`prometheus-client` formats them at a scrape (`exposition.py`). Counting does not need that library, so neither a start
nor a request pays for it: docs/decisions/0032-metrics.md.
"""

from bisect import bisect_left
from dataclasses import dataclass
from enum import Enum
from threading import Lock

# A metric with more combinations of labels than this counts further ones as `OTHER`, so that no client can make it
# grow without limit.
MOST_SERIES = 1000
OTHER = "other"

# For each metric its series: the values of the labels, and the numbers. It can be sent to another process as JSON.
Snapshot = dict[str, list[tuple[list[str], list[float]]]]


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name and meaning."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Return how many numbers a series has. A histogram has one for each bucket, one for the rest, and the sum."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1


class Series:
    """The numbers of one metric, by the values of its labels."""

    __slots__ = ("_lock", "_numbers", "metric")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._lock = Lock()
        # A metric without labels has its one series from the start, so that Prometheus sees the first increase.
        self._numbers: dict[tuple[str, ...], list[float]] = {} if metric.labels else {(): [0.0] * metric.size}

    def add(self, *labels: str, by: float = 1) -> None:
        """Add to a counter or a gauge."""
        with self._lock:
            self._of(labels)[0] += by

    def set(self, value: float, *labels: str) -> None:
        """Set the value of a gauge."""
        with self._lock:
            self._of(labels)[0] = value

    def observe(self, value: float, *labels: str) -> None:
        """Count a value in a histogram: in the first bucket that it fits, and in the sum."""
        bounds = self.metric.bounds
        place = bisect_left(bounds, value)
        with self._lock:
            numbers = self._of(labels)
            numbers[place] += 1
            numbers[-1] += value

    def numbers(self) -> list[tuple[list[str], list[float]]]:
        """Return the current numbers of every series."""
        with self._lock:
            return [(list(labels), list(numbers)) for labels, numbers in self._numbers.items()]

    def _of(self, labels: tuple[str, ...]) -> list[float]:
        found = self._numbers.get(labels)
        if found is None:
            if len(self._numbers) >= MOST_SERIES:
                labels = (OTHER,) * len(labels)
            found = self._numbers.setdefault(labels, [0.0] * self.metric.size)
        return found
