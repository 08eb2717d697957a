"""The private parts of libraries that `src` uses: each is listed, is there, and is in every version that is allowed."""

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from granian import _granian
from granian.server.common import AbstractServer
from granian.server.embed import Server

ROOT = Path(__file__).parents[2]
# Packages with the modules of theirs that are private and that `src` imports.
IMPORTED = {"granian": {"granian._granian"}}
# A release of these may take away what we lean on, though their public interface stays.
BOUNDED = {"granian": "2.9"}


def test_every_private_module_that_is_imported_is_listed_here() -> None:
    found = {name for path in (ROOT / "src").rglob("*.py") for name in imports(path) if is_private_of_another(name)}
    assert found == {name for names in IMPORTED.values() for name in names}


def test_versions_in_which_private_parts_were_not_seen_are_excluded() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = {re.split(r"[<>=!~\[; ]", each)[0]: re.findall(r"<([\d.]+)", each) for each in wanted}
    assert {name: bounds[name] for name in BOUNDED} == {name: [bound] for name, bound in BOUNDED.items()}


@pytest.mark.parametrize("argument", ["fd", "uds", "backlog"])
def test_granian_takes_a_socket_that_listens_already(argument: str) -> None:
    signature = inspect.signature(_granian.SocketHolder)
    assert argument in signature.parameters, "listener._Server makes a granian._granian.SocketHolder with it"


@pytest.mark.parametrize("method", ["_init_shared_socket", "signal_handler_interrupt"])
def test_granians_embedded_server_has_the_methods_that_the_listener_replaces_or_calls(method: str) -> None:
    assert callable(getattr(Server, method, None)), f"listener._Server relies on Server.{method}"


def test_granians_server_makes_its_socket_where_the_listener_gives_it_ours() -> None:
    text = inspect.getsource(AbstractServer._init_shared_socket)
    assert "self._shd = " in text, "listener._Server sets Server._shd in its place"
    assert "self._init_shared_socket()" in inspect.getsource(Server.startup), "else nothing calls ours"
    assert "self._shd" in inspect.getsource(Server._spawn_worker), "else no worker is given ours"


def imports(path: Path) -> Iterator[str]:
    """Yield every module, and every name of a module, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names if each.name.startswith("_"))


def is_private_of_another(name: str) -> bool:
    first, *rest = name.split(".")
    is_ours = first in ("twinport", *sys.stdlib_module_names)
    return not is_ours and any(part.startswith("_") for part in rest)
