"""Write down every metric: docs/reference/metrics.md.

python tools/list_metrics.py            write the page
python tools/list_metrics.py --check    fail when the page is not what the code says
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from twinport.control.backlog import KEPT_FOR, MOST_ACCOUNTS
from twinport.metrics.names import OF_PROCESSES, OF_THE_DEPLOYMENT
from twinport.metrics.values import MOST_SERIES, Metric

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "metrics.md"

_HEAD = f"""\
# Metrics

`tools/list_metrics.py` writes this page from the code. How to scrape them, and what to watch:
[metrics](../how-to/metrics.md).

No label holds a digest, a tag, a repository or a host name. A verb is `DOOR:OPERATION`, as `ecr:PutImage` or
`oci:GET manifests`, from a list in the code; what is asked by any other name has the verb `unknown`. A metric has at
most {MOST_SERIES} series in a process; what would be more is counted under `other`.
"""
_PROCESSES = """\
## Of each process

Each of these also has the label `process`: the number of the process among those of its host. Counters begin at 0 when
a process is replaced, so take `rate` or `increase` first, and `sum` after that.
"""
_DEPLOYMENT = f"""\
## Of the deployment

The process that answers reads these from the database, at most every {KEPT_FOR.total_seconds():.0f} seconds. The label
`destination` is a Region that is served, or `other`; the label `account` is one of the {MOST_ACCOUNTS} accounts with
most deliveries that wait, or `other`.
"""


def page() -> str:
    """Return the page as it should be."""
    return "\n".join([_HEAD, _PROCESSES, _table(OF_PROCESSES), _DEPLOYMENT, _table(OF_THE_DEPLOYMENT)])


def _table(metrics: Iterable[Metric]) -> str:
    rows = [f"| `{each.name}` | {each.kind.value} | {_labels(each)} | {each.meaning} |\n" for each in metrics]
    return "".join(["| metric | kind | labels | what it says |\n", "|---|---|---|---|\n", *rows])


def _labels(metric: Metric) -> str:
    buckets = f"`le`: {', '.join(map(str, metric.bounds))}" if metric.bounds else ""
    return ", ".join([*(f"`{label}`" for label in metric.labels), *([buckets] if buckets else [])])


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text() == page()
        print("" if current else f"{PAGE.name} is out of date: run tools/list_metrics.py")
        return 0 if current else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
