"""Documents that name code name code that exists."""

import importlib
import re
from pathlib import Path

import pytest

from tools import list_ecr
from twinport.logs.telemetry import Event

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "twinport"
ORDER = (ROOT / "docs" / "write-order.md").read_text()
PAGES = {
    path.relative_to(ROOT).as_posix(): re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
}
SHOWN = sorted({found for text in PAGES.values() for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)})
MODULES = [path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts]
FOLDERS = {path.name for path in SOURCE.iterdir() if path.is_dir()}
PATH = re.compile(r"(?:[a-z_]+/)*[a-z_0-9]+\.py|(?:tests|docs|tools|deploy|benchmarks|src)/[\w/.-]+")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
# A host or a file of another kind: its last part says so.
ELSEWHERE = re.compile(r".*\.(com|internal|example|md|toml|db|log|key|py|DOMAIN)")
# A file of the data folder, columns of two tables, and a class of granian.
NOT_OURS = {
    "catalog.identity",
    "chores.identity",
    "history.identity",
    "granian.server.embed.Server",
}
# What the page about ECR says of the members of each operation.
MEMBERS = {each.path for operation in list_ecr.built().values() for each in list_ecr.members(operation.input)}


# Words of AWS's policies and of the configuration of PostgreSQL and nginx, which the source does not hold as they are.
FOREIGN = {"StringLike", "StringNotLike", "TagKey1", "max_connections", "proxy_http_version"}
WORD = re.compile(r"[A-Z][a-z]+[A-Z0-9]\w*|[a-z]+(?:_[a-z]+)+")


def _quoted(page: str, form: re.Pattern[str]) -> list[str]:
    return sorted({name for name in re.findall(r"`([^`\n]+)`", PAGES[page]) if form.fullmatch(name)})


def _in_pages(form: re.Pattern[str]) -> list[tuple[str, str]]:
    return [(page, name) for page in sorted(PAGES) for name in _quoted(page, form)]


def _resolves(parts: list[str], package: str) -> bool:
    for length in range(len(parts), -1, -1):
        try:
            found: object = importlib.import_module(".".join([package, *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def _is_code(name: str) -> bool:
    """Tell whether a name is one of a module below the package, or begins with a module's or a class's own name."""
    first, *rest = name.removeprefix("twinport.").split(".")
    if _resolves([first, *rest], "twinport"):
        return True
    named = [path for path in MODULES if path.stem == first or f"class {first}" in path.read_text()]
    dotted = [".".join(path.relative_to(SOURCE.parent).with_suffix("").parts) for path in named]
    return any(_resolves(rest if one.endswith(f".{first}") else [first, *rest], one) for one in dotted)


@pytest.mark.parametrize(("page", "name"), _in_pages(PATH))
def test_each_file_that_a_page_names_exists(page: str, name: str) -> None:
    assert any((place / name).exists() for place in (ROOT, SOURCE, (ROOT / page).parent))


@pytest.mark.parametrize("page", sorted(PAGES))
def test_each_link_of_a_page_to_a_file_leads_to_one(page: str) -> None:
    targets = set(re.findall(r"\]\((?!https?:|#)([^)#\s]+)", PAGES[page]))
    assert {target for target in targets if not ((ROOT / page).parent / target).exists()} == set()


@pytest.mark.parametrize(("page", "name"), _in_pages(DOTTED))
def test_each_module_class_or_function_that_a_page_names_exists(page: str, name: str) -> None:
    known = NOT_OURS | MEMBERS | {event.value for event in Event}
    assert name in known or ELSEWHERE.fullmatch(name) or _is_code(name), f"{page} names what does not exist"


def test_each_word_of_code_in_pages_about_the_source_is_in_the_source() -> None:
    about = [page for page in PAGES if re.match(r"docs/(decisions|explanation|glossary|walk|write)", page)]
    read = "".join(path.read_text() for kind in ("py", "json", "html") for path in SOURCE.rglob(f"*.{kind}"))
    known = set(re.findall(r"\w+", read)) | FOREIGN
    unknown = {(page, word) for page in about for word in _quoted(page, WORD) if word not in known}
    assert unknown == set()


@pytest.mark.parametrize("path", ["src", "tests", "tools", "benchmarks"])
def test_each_module_that_a_comment_names_by_its_path_exists(path: str) -> None:
    named = {
        (read, name)
        for read in (ROOT / path).rglob("*.py")
        for name in re.findall(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)}|tests|tools)/[a-z_/]+\.py\b", read.read_text())
    }
    assert {(read, name) for read, name in named if not any((at / name).exists() for at in (ROOT, SOURCE))} == set()


def test_the_walk_of_a_push_is_walked() -> None:
    assert len(_quoted("docs/walk-of-a-push.md", DOTTED)) > 30


@pytest.mark.parametrize(("path", "test"), SHOWN, ids=lambda word: word.rpartition("/")[2])
def test_the_tests_that_the_pages_name_exist(path: str, test: str) -> None:
    assert re.search(rf"def {test}\(", (ROOT / path).read_text())


def test_every_law_is_shown_by_a_test() -> None:
    rows = [line for line in ORDER.splitlines() if re.match(r"\| \d+\. [A-Z].*::test_", line)]
    assert [int(re.findall(r"\d+", row)[0]) for row in rows] == list(range(1, 12))


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
