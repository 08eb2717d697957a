"""docs/reference/settings.md names every setting, and its default."""

import re
from dataclasses import fields
from datetime import timedelta
from enum import Enum
from pathlib import Path

from twinport.logs.levels import LogLevel
from twinport.settings.declaration import declared
from twinport.settings.loading import Settings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE.read_text(), re.MULTILINE))


def test_every_setting_is_on_the_page_and_no_other() -> None:
    assert sorted(ROWS) == sorted(each.name for each in fields(Settings))


def test_every_old_name_is_on_the_page_and_no_other() -> None:
    written = dict(re.findall(r"^\| `(\w+)` \|.*\(old name: `(\w+)`\) \|$", PAGE.read_text(), re.MULTILINE))
    assert written == {each.name: each.old_name for each in declared(Settings).values() if each.old_name}


def test_the_defaults_are_those_of_the_code() -> None:
    written = {name: default.strip("`") for name, default in ROWS.items() if default.startswith("`")}
    assert {name: shown(getattr(Settings(), name)) for name in written} == written
    in_words = ROWS.keys() - written.keys()
    assert not [name for name in in_words if getattr(Settings(), name)]


def shown(value: object) -> str:
    match value:
        case bool() | LogLevel():
            return value.word if isinstance(value, LogLevel) else str(value).lower()
        case timedelta() if value % timedelta(days=1) == timedelta() and value > timedelta(days=1):
            return f"{value // timedelta(days=1)}d"
        case timedelta() if value % timedelta(hours=1) == timedelta():
            return f"{value // timedelta(hours=1)}h"
        case timedelta():
            return f"{value // timedelta(minutes=1)}m"
        case int() if value >= 1 << 20:
            return f"{value >> 30}GiB" if value % (1 << 30) == 0 else f"{value >> 20}MiB"
        case _:
            return str(value.value if isinstance(value, Enum) else value)
