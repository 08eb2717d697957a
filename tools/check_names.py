"""Check that `src` defines no name with a retired word: docs/decisions/0039-retired-words.md.

Read are the names that `src/twinport` defines: modules, classes, functions, parameters, attributes and variables. Not
read are prose, string literals, and `aws/`, where names are AWS's own.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "twinport"
_NOT_READ = ("aws", "catalog/migrations")
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

MODULE, CLASS, FUNCTION, VALUE = "module", "class", "function", "value"
EVERYWHERE = frozenset({MODULE, CLASS, FUNCTION, VALUE})


@dataclass(frozen=True, slots=True)
class Retired:
    """What a retired word is called instead, and in which kinds of names it is retired.

    A verb such as `load` stays a good name of a function.
    """

    instead: str
    kinds: frozenset[str] = EVERYWHERE


RETIRED = {
    "badge": Retired("session"),
    "background": Retired("loops", frozenset({MODULE})),
    "circumstances": Retired("request context"),
    "consignment": Retired("shipment"),
    "edge": Retired("admission"),
    "errand": Retired("batch"),
    "exchange": Retired("messages"),
    "front": Retired("application"),
    "keeping": Retired("retention"),
    "linger": Retired("drain"),
    "litter": Retired("orphans"),
    "load": Retired("shipment", frozenset({MODULE, CLASS})),
    "neighbour": Retired("peer"),
    "neighbours": Retired("peers"),
    "outgoing": Retired("egress request"),
    "outside": Retired("late", frozenset({MODULE})),
    "pace": Retired("limit"),
    "patience": Retired("throttle"),
    "questions": Retired("authorization requests"),
    "road": Retired("lane"),
    "room": Retired("memory budget, or quota"),
    "situation": Retired("case"),
    "souvenir": Retired("greeting image"),
    "tether": Retired("parent watch"),
    "trip": Retired("transfer"),
    "trusting": Retired("client trust"),
}


def offenses(source: str, module: str) -> list[str]:
    """Return a line for each name of a module that has a retired word."""
    names = [(1, MODULE, module.rpartition("/")[2]), *_defined(ast.parse(source))]
    return [
        f"{module}.py:{line}: the {kind} '{name}' says '{word}', which is '{RETIRED[word].instead}' here"
        for line, kind, name in sorted(set(names))
        for word in _words(name)
        if word in RETIRED and kind in RETIRED[word].kinds
    ]


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _defined(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef():
                yield node.lineno, CLASS, node.name
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.lineno, FUNCTION, node.name
            case ast.arg():
                yield node.lineno, VALUE, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, VALUE, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, VALUE, node.attr
            case _:
                pass


def main() -> None:
    found: list[str] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        if not module.startswith(_NOT_READ):
            found += offenses(path.read_text(), module)
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
