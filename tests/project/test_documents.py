"""Documents that name code name code that exists."""

import importlib
import re
from pathlib import Path

import pytest

WALK = Path(__file__).parent.parent.parent / "docs" / "walk-of-a-push.md"
NAMES = sorted(set(re.findall(r"`([a-z_]+(?:\.[a-zA-Z_]+)+)`", WALK.read_text())))


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
