"""A stranger finds each folder: the map names it, its docstring says what is there and where to start."""

import importlib
import re
import tomllib
from inspect import cleandoc
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "twinport"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = [layer.split(" | ") for layer in next(one for one in CONTRACTS if one["containers"] == ["twinport"])["layers"]]
PACKAGES = sorted(path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.glob("*/**/__init__.py"))
# Their docstrings name what they import by exception: they are closed to more than the layers would allow.
CLOSED = {"login": {"aws", "errors", "model"}, "metrics": set[str]()}
MAP = (ROOT / "CONTRIBUTING.md").read_text()
FOLDERS = [name for name in PACKAGES if "/" not in name and name not in CLOSED]


def _docstring(folder: str) -> str:
    return cleandoc(importlib.import_module("twinport." + folder.replace("/", ".")).__doc__ or "")


def _named(folder: str) -> list[re.Match[str]]:
    names = re.compile(r"`(?P<near>[A-Za-z_]+(?:\.[A-Za-z_]+)?)`|\btwinport\.(?P<far>[a-z_.]+[a-z_])")
    return list(names.finditer(_docstring(folder)))


def _exists(parts: list[str], package: str) -> bool:
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join([package, *parts[:length]]))
        except ModuleNotFoundError:
            continue
        return all(hasattr(found, attribute) for attribute in parts[length:])
    return False


def _is_defined_in(folder: str, name: str) -> bool:
    return any(
        re.search(rf"^class {name}\b", path.read_text(), re.MULTILINE) for path in (SOURCE / folder).glob("*.py")
    )


@pytest.mark.parametrize("folder", PACKAGES)
def test_each_folder_says_in_one_to_five_lines_what_it_holds(folder: str) -> None:
    assert 1 <= len(_docstring(folder).splitlines()) <= 5


@pytest.mark.parametrize("folder", PACKAGES)
def test_what_the_docstring_of_a_folder_names_exists(folder: str) -> None:
    package = "twinport." + folder.replace("/", ".")
    for name in _named(folder):
        if near := name["near"]:
            exists = any(_exists(near.split("."), place) for place in (package, "twinport", "twinport.catalog"))
            assert exists or _is_defined_in(folder, near), near
        else:
            assert _exists(name["far"].split("."), "twinport"), name["far"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_docstring_of_a_folder_says_which_layers_it_may_import(folder: str) -> None:
    said = re.search(r"May\s+import\s([^.]+)\.", _docstring(folder))
    assert said is not None
    layer = next(number for number, names in enumerate(LAYERS) if folder in names)
    assert sorted(re.findall(r"`(\w+)`", said[1])) == sorted(LAYERS[layer + 1])
    assert said[1].split()[-3:] == ["and", "lower", "layers"] or layer == len(LAYERS) - 2


@pytest.mark.parametrize("folder", CLOSED)
def test_a_closed_folder_imports_no_more_than_its_docstring_says(folder: str) -> None:
    sources = "".join(path.read_text() for path in (SOURCE / folder).glob("*.py"))
    imported = set(re.findall(r"^\s*from twinport\.(\w+)", sources, re.MULTILINE)) - {folder}
    assert imported <= CLOSED[folder]


def test_every_folder_of_the_source_with_modules_is_looked_at() -> None:
    folders = {path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.glob("*/**/*.py")}
    assert {name for name in folders if not name.startswith("catalog/migrations")} == set(PACKAGES)


def test_the_map_has_a_line_for_each_folder_and_module_in_the_order_of_the_layers() -> None:
    rows = re.findall(r"^\| `([a-z_]+)(?:/|\.py)` \|", MAP, re.MULTILINE)
    every = [name for layer in LAYERS for name in layer]
    assert rows[: len(every)] == every


@pytest.mark.parametrize("top", ["benchmarks", "deploy", "docs", "tests", "tools"])
def test_the_map_names_the_folders_beside_the_source(top: str) -> None:
    row = re.search(rf"^\| `{top}/` \| .*$", MAP, re.MULTILINE)
    assert row is not None
    inside = {path.parent.name for path in (ROOT / top).glob("*/*") if path.is_file() and path.suffix != ".pyc"}
    named = set(re.findall(r"`([a-z_-]+)/`", row[0])) - {top}
    assert inside - set(FOLDERS) - set(CLOSED) == named
