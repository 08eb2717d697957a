"""Write docs/reference/ecr.md: each member and error of ECR's operations, and the test that honors it.

python -m tools.list_ecr            write the page
python -m tools.list_ecr --check    fail when the page is not what the model, the notes and the tests say

The tests name what they honor by their mark `honors`; pytest collects them. `tools/ecr_page/` has the notes. A member
without a test, and an error that is neither answered nor said not to occur, stop the page from being written.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, fields
from functools import cache
from io import StringIO
from pathlib import Path

import pytest

from tests.exchanges import MARK
from twinport.aws import shapes
from twinport.aws.shapes import Kind, Operation, Shape
from twinport.ecr import door

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "ecr.md"
NOTES = ROOT / "tools" / "ecr_page"
SUITE = "tests/ecr"
# What stands in a table of its own, since many operations have it alike.
COMMON = (
    "registryId",
    "repositoryName",
    "resourceArn",
    "imageId.imageDigest",
    "imageId.imageTag",
    "maxResults",
    "nextToken",
    "InvalidParameterException",
    "RepositoryNotFoundException",
    "ServerException",
    "ValidationException",
)
_MOST_NAMED = 4
_HEAD = ["| member or error | may be | means, or is answered when | test |", "|---|---|---|---|"]

# Each name of a member or an error, OPERATION.NAME, with the tests that honor it: FILE::TEST.
Tests = Mapping[str, list[str]]


@dataclass(frozen=True)
class Notes:
    """What `notes.toml` says: names, with * for any operation, and words."""

    members: Mapping[str, str]
    errors: Mapping[str, str]
    absent: Mapping[str, str]
    undeclared: Mapping[str, str]

    def reason_absent(self, operation: str, code: str) -> str | None:
        """Return why an error of the model does not occur."""
        name, any_ = f"{operation}.{code}", f"*.{code}"
        return self.absent.get(name) or (None if name in self.errors else self.absent.get(any_))

    def has(self, operation: str, code: str) -> bool:
        """Tell whether the page says that an operation answers this error."""
        name, any_ = f"{operation}.{code}", f"*.{code}"
        if name in _declared():
            return self.reason_absent(operation, code) is None
        return name in self.undeclared or any_ in self.undeclared


@cache
def notes() -> Notes:
    return Notes(**tomllib.loads((NOTES / "notes.toml").read_text()))


def has(name: str) -> bool:
    """Tell whether the page says that an operation answers an error: OPERATION.ERROR."""
    operation, _, code = name.partition(".")
    return notes().has(operation, code)


@cache
def built() -> Mapping[str, Operation]:
    """Return the operations that are answered."""
    names = sorted(door.handlers(door.Verbs(*[None] * len(fields(door.Verbs)))))  # type: ignore[arg-type]
    return {name: shapes.load("ecr").operations[name] for name in names}


@cache
def _declared() -> frozenset[str]:
    operations = shapes.load("ecr").operations.values()
    return frozenset(f"{operation.name}.{error.code}" for operation in operations for error in operation.errors)


# --- what there is --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Member:
    """A member that holds no others: `rules[].filter`."""

    path: str
    shape: Shape
    # The lists that it is in, which have bounds of their own.
    lists: tuple[Shape, ...]
    is_required: bool


def members(shape: Shape, path: str = "", lists: tuple[Shape, ...] = ()) -> Iterator[Member]:
    for name, inner in shape.members.items():
        yield from _within(f"{path}.{name}".lstrip("."), inner, lists, name in shape.required)


def _within(path: str, shape: Shape, lists: tuple[Shape, ...], is_required: bool) -> Iterator[Member]:  # noqa: FBT001
    each = shape.members["member"] if shape.kind is Kind.LIST else shape
    more = (*lists, shape) if shape.kind is Kind.LIST else lists
    if each.kind is Kind.STRUCTURE:
        yield from members(each, path + "[]" * (shape.kind is Kind.LIST), more)
    else:
        yield Member(path, each, more, is_required)


def constraint(member: Member) -> str:
    """Say in short what the model permits."""
    shape = member.shape
    parts = ["required"] if member.is_required else []
    parts += [f"{range_} entries" for each in member.lists if (range_ := _range(each))]
    if shape.enum:
        parts.append(", ".join(f"`{value}`" for value in shape.enum))
    elif range_ := _range(shape):
        unit = {Kind.STRING: " characters", Kind.BLOB: " bytes"}.get(shape.kind, "")
        parts.append(range_ + unit)
    if shape.pattern:
        parts.append("a pattern")
    return "; ".join(parts)


def _range(shape: Shape) -> str:
    low, high = shape.minimum, shape.maximum
    if high is None:
        return "" if low is None else f"{low} or more"
    return f"{low or 0} to {high}"


class _Collector:
    """A plugin that keeps what the marks say."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            name = f"{item.path.name}::{item.name.partition('[')[0]}"
            for mark in item.iter_markers(MARK):
                for honored in mark.args:
                    found = self.tests.setdefault(honored, [])
                    if name not in found:
                        found.append(name)


def collected() -> Tests:
    """Return what the tests say that they honor. Raises SystemExit if pytest cannot collect them."""
    collector, said = _Collector(), StringIO()
    with redirect_stdout(said):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", str(ROOT / SUITE)], [collector])
    if code is not pytest.ExitCode.OK:
        raise SystemExit(said.getvalue())
    return collector.tests


# --- what is wrong --------------------------------------------------------------------------------------------


def problems(tests: Tests, texts: str) -> Iterator[str]:
    """Yield what keeps the page from being true."""
    for name, operation in built().items():
        for member in members(operation.input):
            if f"{name}.{member.path}" not in tests:
                yield f"no test honors {name}.{member.path}"
        for error in operation.errors:
            yield from _wrong_error(name, error.code, tests)
    yield from _strange(tests)
    placed = _placed(texts)
    if wrong := sorted(set(built()) ^ set(placed)):
        yield f"not in one place of the notes: {', '.join(wrong)}"
    if twice := sorted({name for name in placed if placed.count(name) > 1}):
        yield f"in two places of the notes: {', '.join(twice)}"


def _strange(tests: Tests) -> Iterator[str]:
    """Yield what marks and notes name that is nothing of the model."""
    said, known = notes(), set(_declared())
    for name, operation in built().items():
        known |= {f"{name}.{member.path}" for member in members(operation.input)}
    for name in said.undeclared:
        if not any(_covers(name, each) for each in tests):
            yield f"no test is answered {name}, which the model does not declare"
    for name in tests:
        if name not in known and not any(_covers(each, name) for each in said.undeclared):
            yield f"{tests[name][0]} honors {name}, which is nothing of the model or the notes"
    for name in (*said.members, *said.errors, *said.absent):
        if not any(_covers(name, each) for each in known):
            yield f"the notes speak of {name}, which is nothing of the model"


def _wrong_error(operation: str, code: str, tests: Tests) -> Iterator[str]:
    name, said = f"{operation}.{code}", notes()
    if said.reason_absent(operation, code):
        if name in tests:
            yield f"{name} is said not to occur, and {tests[name][0]} is answered it"
    elif name not in tests:
        yield f"no test is answered {name}, and no note says why it does not occur"
    elif _noted(said.errors, operation, code) is None:
        yield f"no note says when {name} is answered"


def _covers(pattern: str, name: str) -> bool:
    return name == pattern or (pattern.startswith("*.") and name.partition(".")[2] == pattern[2:])


def _noted(words: Mapping[str, str], operation: str, name: str) -> str | None:
    return words.get(f"{operation}.{name}", words.get(f"*.{name}"))


def _placed(texts: str) -> list[str]:
    return [name for line in texts.splitlines() if line.startswith("@operations ") for name in line.split()[1:]]


# --- the page -------------------------------------------------------------------------------------------------


def page(tests: Tests) -> str:
    """Return the page. Raises SystemExit with all that is wrong."""
    texts = (NOTES / "notes.md").read_text()
    if found := list(problems(tests, texts)):
        raise SystemExit("\n".join(found))
    return "".join(_expanded(line, tests) for line in texts.splitlines(keepends=True))


def _expanded(line: str, tests: Tests) -> str:
    if line.startswith("@operations "):
        return "\n".join(_operation(built()[name], tests) for name in line.split()[1:])
    if line == "@common\n":
        return _common(tests)
    return _undeclared(tests) if line == "@undeclared\n" else line


def _operation(operation: Operation, tests: Tests) -> str:
    own = list(members(operation.input))
    rows = [_member_row(operation.name, each, tests) for each in own if each.path not in COMMON]
    errors = [error.code for error in operation.errors]
    rows += [_error_row(operation.name, code, tests) for code in errors if _is_own(operation.name, code)]
    alike = [each.path for each in own if each.path in COMMON] + [code for code in errors if code in COMMON]
    table = [*_HEAD, *rows, ""] if rows else []
    also = f"As in other operations: {', '.join(f'`{each}`' for each in alike if not _is_own(operation.name, each))}."
    return "\n".join([f"### {operation.name}\n", *table, also, ""])


def _is_own(operation: str, name: str) -> bool:
    """Tell whether an operation has what others have too with a meaning of its own."""
    return name not in COMMON or any(f"{operation}.{name}" in words for words in (notes().errors, notes().absent))


def _member_row(operation: str, member: Member, tests: Tests) -> str:
    note = _noted(notes().members, operation, member.path) or ""
    return _row(f"`{member.path}`", constraint(member), note, _names(tests[f"{operation}.{member.path}"]))


def _error_row(operation: str, code: str, tests: Tests) -> str:
    if reason := notes().reason_absent(operation, code):
        return _row(f"`{code}`", "", f"does not occur: {reason}", "")
    note = _noted(notes().errors, operation, code) or ""
    return _row(f"`{code}`", "", note, _names(tests[f"{operation}.{code}"]))


def _common(tests: Tests) -> str:
    rows = []
    for name in COMMON:
        note = notes().members.get(f"*.{name}") or notes().errors.get(f"*.{name}")
        if note is None:
            rows.append(_row(f"`{name}`", "", f"does not occur: {notes().absent[f'*.{name}']}", ""))
            continue
        with_it = [
            operation for operation in built() if f"{operation}.{name}" in tests and not _is_own(operation, name)
        ]
        named = dict.fromkeys(test for operation in with_it for test in tests[f"{operation}.{name}"])
        rows.append(_row(f"`{name}`", _common_constraint(name), note, _names(named)))
    return "\n".join([*_HEAD, *rows, ""])


def _common_constraint(name: str) -> str:
    found = {
        constraint(each) for operation in built().values() for each in members(operation.input) if each.path == name
    }
    return found.pop() if len(found) == 1 else "as the operation has it" if found else ""


def _undeclared(tests: Tests) -> str:
    head = ["| operation | error | is answered when | test |", "|---|---|---|---|"]
    rows = []
    for name, note in notes().undeclared.items():
        operation, _, code = name.partition(".")
        named = dict.fromkeys(test for each in sorted(tests) if _covers(name, each) for test in tests[each])
        rows.append(_row("any" if operation == "*" else operation, f"`{code}`", note, _names(named)))
    return "\n".join([*head, *rows, ""])


def _names(tests: Iterable[str]) -> str:
    first = list(tests)
    more = f" and {len(first) - _MOST_NAMED} more" if len(first) > _MOST_NAMED else ""
    return "<br>".join(f"`{test}`" for test in first[:_MOST_NAMED]) + more


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def main(arguments: list[str]) -> int:
    text = page(collected())
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text() == text
        print("" if current else f"{PAGE.name} is out of date: edit tools/ecr_page/ instead, and run `make pages`")
        return 0 if current else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
