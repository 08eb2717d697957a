"""No transaction across a wait (law 5): code that has a connection cannot await anything."""

import ast
from pathlib import Path

SOURCES = Path(__file__).parent.parent.parent / "src" / "twinport"


def test_no_coroutine_is_given_a_connection() -> None:
    coroutines = [
        (path.name, node)
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    given = [
        f"{name}: {node.name}"
        for name, node in coroutines
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        if isinstance(argument.annotation, ast.Name) and argument.annotation.id == "Connection"
    ]
    assert len(coroutines) > 100
    assert given == []
