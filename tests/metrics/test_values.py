"""Numbers in memory: what is counted, and that no client makes a metric grow without end."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from tests.scraping import Scraped
from twinport.metrics import exposition, names
from twinport.metrics.values import MOST_SERIES, OTHER, Kind, Metric, Series

BOUNDS = (0.1, 1.0, 10.0)
COUNTER = Metric("twinport_things_total", Kind.COUNTER, "Things.", ("kind",))
HISTOGRAM = Metric("twinport_thing_seconds", Kind.HISTOGRAM, "Times.", (), BOUNDS)


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_each_value_in_the_first_bucket_that_holds_it(values: list[float]) -> None:
    series = Series(HISTOGRAM)
    for value in values:
        series.observe(value)
    [(_, numbers)] = series.numbers()
    limits = [*BOUNDS, float("inf")]
    below = [sum(numbers[: place + 1]) for place in range(len(limits))]
    assert below == [sum(value <= limit for value in values) for limit in limits]


def test_threads_lose_no_count() -> None:
    series = Series(COUNTER)

    def count(_: int) -> None:
        for _ in range(2000):
            series.add("a")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(8)))
    assert series.numbers() == [(["a"], [16000.0])]


def test_a_metric_with_ten_thousand_labels_has_a_bounded_number_of_series_and_loses_no_count() -> None:
    series = Series(COUNTER)
    for number in range(10_000):
        series.add(f"{number}")
    found = {labels[0]: numbers[0] for labels, numbers in series.numbers()}
    assert len(found) == MOST_SERIES + 1
    assert (sum(found.values()), found[OTHER]) == (10_000, 10_000 - MOST_SERIES)


def test_a_metric_without_labels_is_shown_before_it_counts() -> None:
    text = exposition.render([("1", {names.QUARANTINED.metric.name: Series(names.QUARANTINED.metric).numbers()})], {})
    assert Scraped(text.decode()).number("twinport_quarantined_total", process="1") == 0


def test_every_metric_can_be_written_and_read_again() -> None:
    processes = {metric.name: [([*metric.labels], _numbers(metric))] for metric in names.OF_PROCESSES}
    deployment = {metric.name: [([*metric.labels], _numbers(metric))] for metric in names.OF_THE_DEPLOYMENT}
    found = Scraped(exposition.render([("1", processes), ("2", processes)], deployment).decode())
    wanted = {metric.name.removesuffix("_total") for metric in (*names.OF_PROCESSES, *names.OF_THE_DEPLOYMENT)}
    assert {family.name for family in found.families} == wanted
    assert found.number("twinport_requests_total") == 2


def _numbers(metric: Metric) -> list[float]:
    return [1.0] * (len(metric.bounds) + 2) if metric.kind is Kind.HISTOGRAM else [1.0]


def test_the_modules_of_a_server_load_no_client_of_prometheus() -> None:
    program = (
        "import sys, twinport.commands.serving, twinport.composition.app; print('prometheus_client' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
