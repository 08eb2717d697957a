"""The table of events is what the code writes: every call is read from the source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import pytest

from tools import list_events
from twinport.logs.levels import LogLevel
from twinport.logs.table import COMMON, FIELDS, TABLE
from twinport.logs.telemetry import Event
from twinport.registry.garbage import Swept
from twinport.replication import forgetting

SOURCE = Path(__file__).parents[2] / "src" / "twinport"
LEVELS = {
    "debug": LogLevel.DEBUG,
    "event": LogLevel.INFO,
    "warning": LogLevel.WARNING,
    "alarm": LogLevel.ERROR,
    "failure": LogLevel.ERROR,
}
# What the source spreads into a call without naming it there, by module and variable.
COMPUTED = {
    ("worker.py", "facts"): {"destination"},
    ("garbage.py", "counts"): {each.name for each in fields(Swept)},
    ("forgetting.py", "words"): {
        name.removeprefix("forget ") for name in (forgetting.DELIVERIES, forgetting.ARRIVALS, forgetting.POSITIONS)
    },
}


@dataclass(frozen=True)
class Written:
    """One call that writes an event."""

    event: Event
    level: LogLevel
    fields: frozenset[str]
    where: str


@dataclass(frozen=True)
class Module:
    """A file of the source, in which names that a call spreads are looked up."""

    name: str
    tree: ast.Module

    def calls(self) -> Iterator[Written]:
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="telemetry"), attr=how)) if how in LEVELS:
                    names = frozenset(self.keys_of_call(node)) | ({"exception"} if how == "failure" else frozenset())
                    for event in self.events(node.args[0]):
                        yield Written(event, LEVELS[how], names, f"{self.name}:{node.lineno}")

    def events(self, node: ast.expr) -> list[Event]:
        """Return the event that is named, or those of the table that is looked into."""
        if isinstance(node, ast.Subscript):
            node = self.assigned(ast.unparse(node.value))[0]
            assert isinstance(node, ast.Dict)
            return [event for value in node.values for event in self.events(value)]
        assert isinstance(node, ast.Attribute), ast.unparse(node)
        return [Event[node.attr]]

    def keys_of_call(self, call: ast.Call) -> set[str]:
        return {key for word in call.keywords for key in ([word.arg] if word.arg else self.keys(word.value))}

    def keys(self, node: ast.expr) -> set[str]:
        """Return the keys of a dictionary that is written, assigned or returned in this module."""
        match node:
            case ast.Dict():
                return {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
            case ast.Call():
                return {key for each in self.returned(ast.unparse(node.func)) for key in self.keys(each)}
            case ast.Name() if (self.name, node.id) in COMPUTED:
                return COMPUTED[self.name, node.id]
            case ast.Name():
                return {key for each in self.assigned(node.id) for key in self.keys(each)}
            case _:
                raise AssertionError(f"{self.name}: write out the fields of {ast.unparse(node)}")

    def assigned(self, name: str) -> list[ast.expr]:
        found = [
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets)
        ]
        assert found, f"{self.name}: '{name}' is assigned nowhere"
        return found

    def returned(self, name: str) -> list[ast.expr]:
        found = [
            each.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef) and node.name == name
            for each in ast.walk(node)
            if isinstance(each, ast.Return) and each.value is not None
        ]
        assert found, f"{self.name}: there is no function '{name}'"
        return found


@cache
def written() -> list[Written]:
    """Return every call of the source that writes an event."""
    texts = ((path.name, path.read_text()) for path in sorted(SOURCE.rglob("*.py")))
    return [call for name, text in texts if "telemetry" in text for call in Module(name, ast.parse(text)).calls()]


# Written by telemetry itself, past the functions that others call.
BY_ITSELF = {Event.LOG_UNWRITABLE}


def test_every_event_is_described_and_written_somewhere() -> None:
    assert set(TABLE) == set(Event)
    assert {call.event for call in written()} == set(Event) - BY_ITSELF


@pytest.mark.parametrize("event", [each for each in Event if each not in BY_ITSELF], ids=lambda each: str(each.value))
def test_the_described_fields_and_levels_are_those_of_the_calls(event: Event) -> None:
    calls = [call for call in written() if call.event is event]
    assert set(TABLE[event].fields) == {name for call in calls for name in call.fields}, [call.where for call in calls]
    assert set(TABLE[event].levels) == {call.level for call in calls}, [call.where for call in calls]


def test_every_field_is_explained_and_no_other() -> None:
    assert set(FIELDS) == {name for each in TABLE.values() for name in each.fields}
    assert not set(FIELDS) & set(COMMON)


def test_what_does_not_heal_by_itself_says_what_to_do() -> None:
    assert not [event for event, each in TABLE.items() if LogLevel.ERROR in each.levels and each.action == "Nothing."]


def test_the_page_is_made_of_the_table() -> None:
    assert list_events.PAGE.read_text() == list_events.page()
