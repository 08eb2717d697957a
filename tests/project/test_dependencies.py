"""The page about dependencies and the locks agree with pyproject.toml."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_direct_dependency_has_its_reason() -> None:
    assert explained() == direct()


def test_everything_that_runs_is_locked() -> None:
    assert runtime() <= locked("run.txt")


def test_everything_direct_is_locked_for_development() -> None:
    assert direct() <= locked("dev.txt") | locked("run.txt") | locked("fuzz.txt") | locked("bench.txt")


def test_both_locks_agree_on_every_version() -> None:
    run, dev = pins("run.txt"), pins("dev.txt")
    assert {name: (run[name], dev[name]) for name in run.keys() & dev.keys() if run[name] != dev[name]} == {}


def test_the_locks_name_no_index() -> None:
    locks = ("run.txt", "dev.txt", "fuzz.txt", "bench.txt")
    text = "".join((ROOT / "requirements" / name).read_text() for name in locks)
    assert not re.search(r"https?://|--index-url|--extra-index-url|--find-links", text)


def test_orjson_is_used_only_where_the_page_says() -> None:
    source = ROOT / "src" / "twinport"
    users = {str(each.relative_to(source)) for each in source.rglob("*.py") if "import orjson" in each.read_text()}
    page = (ROOT / "docs" / "reference" / "dependencies.md").read_text()
    stated = re.search("^`orjson` is used.*?\n\n", page, re.MULTILINE | re.DOTALL)
    assert stated is not None
    assert users == set(re.findall(r"`([a-z0-9_/]+\.py)`", stated[0]))


def runtime() -> set[str]:
    return names(PROJECT["project"]["dependencies"])


def direct() -> set[str]:
    development = PROJECT["project"]["optional-dependencies"]["dev"]
    groups = PROJECT["dependency-groups"]
    return runtime() | names(development) | names(groups["build"]) | names(groups["fuzz"]) | names(groups["bench"])


def names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[<>=!~\[; ]", requirement)[0] for requirement in requirements}


def explained() -> set[str]:
    page = (ROOT / "docs" / "reference" / "dependencies.md").read_text()
    return set(re.findall(r"^\| `([^`]+)` \| \S", page, re.MULTILINE))


def locked(name: str) -> set[str]:
    return set(pins(name))


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE))
