"""Formats numbers as text for Prometheus. Imported late: importing `prometheus-client` is slow (0032)."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from twinport.metrics.names import OF_PROCESSES, OF_THE_DEPLOYMENT
from twinport.metrics.values import Kind, Metric, Snapshot

CONTENT_TYPE = CONTENT_TYPE_LATEST
_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


def render(processes: Sequence[tuple[str, Snapshot]], deployment: Snapshot) -> bytes:
    """Write the numbers of every process, each labeled with its name, and those of the deployment."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(processes, deployment))
    return generate_latest(registry)


class _Collected:
    def __init__(self, processes: Sequence[tuple[str, Snapshot]], deployment: Snapshot) -> None:
        self._processes, self._deployment = processes, deployment

    def collect(self) -> Iterator[_Family]:
        for metric in OF_PROCESSES:
            family = _family(metric, (*metric.labels, "process"))
            for process, numbers in self._processes:
                for labels, values in numbers.get(metric.name, []):
                    _add(family, metric, [*labels, process], values)
            yield family
        for metric in OF_THE_DEPLOYMENT:
            family = _family(metric, metric.labels)
            for labels, values in self._deployment.get(metric.name, []):
                _add(family, metric, labels, values)
            yield family


def _family(metric: Metric, labels: Sequence[str]) -> _Family:
    match metric.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(metric.name, metric.meaning, labels=labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(metric.name, metric.meaning, labels=labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(metric.name, metric.meaning, labels=labels)


def _add(family: _Family, metric: Metric, labels: Sequence[str], values: Sequence[float]) -> None:
    match family:
        case HistogramMetricFamily():
            *counts, total = values
            bounds = [*map(str, metric.bounds), "+Inf"]
            family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
        case CounterMetricFamily() | GaugeMetricFamily():
            family.add_metric(labels, values[0])
