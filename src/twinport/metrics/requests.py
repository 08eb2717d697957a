"""Measures each request, in the one place that every request passes (`http/application.py`)."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Self

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
    _asked: Asked = field(default_factory=Asked)
    _began: float = field(default_factory=perf_counter)

    def __enter__(self) -> Self:
        ASKED.set(self._asked)
        names.IN_PROGRESS.add()
        return self

    def __exit__(self, *_: object) -> None:
        names.IN_PROGRESS.add(by=-1)
        names.REQUEST_SECONDS.observe(perf_counter() - self._began, self._asked.verb)
        self._count(self._asked)

    @property
    def outcome(self) -> str:
        if self.status is None or self.is_cut_off:
            return "cut_off"
        if self.status < _REFUSED:
            return "ok"
        return "refused" if self.status < _FAILED else "failed"

    def _count(self, asked: Asked) -> None:
        names.REQUESTS.add(asked.verb, self.outcome)
        if asked.code is not None:
            names.REFUSALS.add(asked.door, asked.code)
        if self.received:
            names.REQUEST_BYTES.add(asked.door, by=self.received)
        if self.sent:
            names.RESPONSE_BYTES.add(asked.door, by=self.sent)


def measured() -> Measurement:
    """Count the request that the block answers."""
    return Measurement()
