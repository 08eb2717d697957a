"""Measures each request, in the one place that every request passes (`http/application.py`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from twinport.metrics import names
from twinport.metrics.current_request import ASKED, Asked

_REFUSED, _FAILED = 400, 500


@dataclass(slots=True)
class Measurement:
    """A request and its answer. `status` stays None for a request without an answer."""

    status: int | None = None
    is_cut_off: bool = False
    received: int = 0
    sent: int = 0

    @property
    def outcome(self) -> str:
        if self.status is None or self.is_cut_off:
            return "cut_off"
        if self.status < _REFUSED:
            return "ok"
        return "refused" if self.status < _FAILED else "failed"


@contextmanager
def measured() -> Iterator[Measurement]:
    """Count the request that the block answers."""
    asked, measurement, began = Asked(), Measurement(), perf_counter()
    ASKED.set(asked)
    names.IN_PROGRESS.add()
    try:
        yield measurement
    finally:
        names.IN_PROGRESS.add(by=-1)
        names.REQUEST_SECONDS.observe(perf_counter() - began, asked.verb)
        _count(asked, measurement)


def _count(asked: Asked, measurement: Measurement) -> None:
    names.REQUESTS.add(asked.verb, measurement.outcome)
    if asked.code is not None:
        names.REFUSALS.add(asked.door, asked.code)
    if measurement.received:
        names.REQUEST_BYTES.add(asked.door, by=measurement.received)
    if measurement.sent:
        names.RESPONSE_BYTES.add(asked.door, by=measurement.sent)
