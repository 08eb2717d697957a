"""Documents that name code name code that exists."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WALK = ROOT / "docs" / "walk-of-a-push.md"
NAMES = sorted(set(re.findall(r"`([a-z_]+(?:\.[a-zA-Z_]+)+)`", WALK.read_text())))
ORDER = (ROOT / "docs" / "write-order.md").read_text()
SHOWN = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", ORDER)))


@pytest.mark.parametrize("name", NAMES)
def test_the_walk_of_a_push_names_what_exists(name: str) -> None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(["twinport", *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = getattr(found, attribute)
        return
    raise AssertionError(f"there is no module for '{name}'")


def test_the_walk_of_a_push_is_walked() -> None:
    assert len(NAMES) > 30


@pytest.mark.parametrize(("path", "test"), SHOWN, ids=lambda word: word.rpartition("/")[2])
def test_the_tests_that_show_the_write_order_exist(path: str, test: str) -> None:
    assert re.search(rf"def {test}\(", (ROOT / path).read_text())


def test_every_law_is_shown_by_a_test() -> None:
    rows = [line for line in ORDER.splitlines() if re.match(r"\| \d+\. [A-Z].*::test_", line)]
    assert [int(re.findall(r"\d+", row)[0]) for row in rows] == list(range(1, 12))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|docs)/[\w/.-]+)`", ORDER))))
def test_the_files_that_the_write_order_names_exist(path: str) -> None:
    assert (ROOT / path).exists()


def test_each_decision_has_a_number_of_its_own_which_its_title_repeats() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    assert [page.read_text()[:8] for page in pages] == [f"# {page.name[:4]} ·" for page in pages]


def test_every_decision_that_is_named_by_its_file_exists() -> None:
    read = [
        path
        for folder in ("docs", "src", "tests")
        for kind in ("md", "py")
        for path in (ROOT / folder).rglob(f"*.{kind}")
    ]
    named = {name for path in read for name in re.findall(r"\b\d{4}-[a-z][a-z-]+\.md\b", path.read_text())}
    assert len(named) > 20
    assert not {name for name in named if not (ROOT / "docs" / "decisions" / name).exists()}
