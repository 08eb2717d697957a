"""A scraper: what Prometheus would read, and the number of a series in it."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import PATIENCE_SECONDS

PATH = "/_twinport/metrics"


@dataclass(frozen=True)
class Scraped:
    """One answer. A number is the sum over every series that has these labels, as Prometheus' `sum` would give."""

    text: str

    @property
    def families(self) -> list[Metric]:
        return list(text_string_to_metric_families(self.text))

    @property
    def series(self) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
        return [(each.name, tuple(sorted(each.labels.items()))) for family in self.families for each in family.samples]

    def number(self, name: str, **labels: str) -> float:
        return sum(
            each.value
            for family in self.families
            for each in family.samples
            if each.name == name and labels.items() <= each.labels.items()
        )

    def values(self, label: str) -> set[str]:
        return {each.labels[label] for family in self.families for each in family.samples if each.labels.get(label)}


def scrape(url: str, token: str | None = None, path: str = PATH) -> Scraped:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    with urllib.request.urlopen(
        urllib.request.Request(url + path, headers=headers), timeout=PATIENCE_SECONDS
    ) as answer:
        return Scraped(answer.read().decode())


def refusal(url: str, headers: Mapping[str, str], path: str = PATH, method: str = "GET") -> tuple[int, str]:
    """Return the status and the words of a scrape that is refused."""
    request = urllib.request.Request(url + path, headers=dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            raise AssertionError(f"it was answered with {answer.status}")
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()
