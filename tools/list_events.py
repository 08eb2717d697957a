"""Write `docs/reference/events.md` from the table of events.

python tools/list_events.py            write the page
python tools/list_events.py --check    fail when what is checked in differs
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from twinport.logs.table import COMMON, FIELDS, TABLE

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "events.md"
_HEAD = """\
# Events

`tools/list_events.py` writes this page from `src/twinport/logs/table.py`. A test compares that table with every call
that writes an event. [Read the log](../how-to/logs.md) says where events go and how many are written.

`error` is what does not heal by itself: a person must act. `warning` is what went wrong and heals by itself, or
concerns one image, client or setting alone. A name keeps its meaning: an event that means something else gets
another name.
"""


def page() -> str:
    """Return the page as it should be."""
    head = ["| event | level | meaning | what to do | fields |", "|---|---|---|---|---|"]
    rows = [
        f"| `{event.value}` | {', '.join(level.word for level in each.levels)} | {each.meaning} | {each.action} "
        f"| {', '.join(f'`{name}`' for name in each.fields)} |"
        for event, each in sorted(TABLE.items(), key=lambda pair: pair[0].value)
    ]
    tail = ["", "## Fields\n", "Of every event:\n", *_list(COMMON), "", "Of some events:\n", *_list(FIELDS), ""]
    return "\n".join([_HEAD, *head, *rows, *tail])


def _list(fields: Mapping[str, str]) -> list[str]:
    return ["| field | what it says |", "|---|---|", *(f"| `{name}` | {meaning} |" for name, meaning in fields.items())]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text() == page()
        print("" if current else f"{PAGE.name} is out of date: run tools/list_events.py")
        return 0 if current else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
