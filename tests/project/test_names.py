"""The check of retired words in names sees each kind of name, and nothing else."""

import pytest

from tools.check_names import offenses


@pytest.mark.parametrize(
    ("source", "module", "name"),
    [
        ("", "http/edge", "edge"),
        ("class SessionBadge:\n    pass", "a", "SessionBadge"),
        ("async def make_room(): ...", "a", "make_room"),
        ("def f(road): ...", "a", "road"),
        ("for trip in (): ...", "a", "trip"),
        ("self.litter_age = 1", "a", "litter_age"),
        ("KEEPING: int = 1", "a", "KEEPING"),
        ("class Load: ...", "a", "Load"),
    ],
)
def test_a_name_with_a_retired_word_is_found(source: str, module: str, name: str) -> None:
    (line,) = offenses(source, module)
    assert f"'{name}'" in line


@pytest.mark.parametrize(
    "source",
    [
        '"""The road to the edge."""',
        "budget = 'litter'",
        "def load(path): ...",
        "knowledge, broadcast, classroom2b = 1, 2, 3",
        "x = front.door",
    ],
)
def test_prose_verbs_and_longer_words_are_no_offense(source: str) -> None:
    assert offenses(source, "a") == []
