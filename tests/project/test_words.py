"""`make words` lists the prose that needs plainer words, and leaves out what others word."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tools.list_words import WORDS, look, pages, prose

ROOT = Path(__file__).parents[2]
CODE = '''"""Nobody reads this file.

The second line is about whoever writes it.
"""

ROOMS = {
    "litter": 1,  # an errand
}


class Situation:
    """A case."""

    def told(self, pace: int) -> str:
        return f"the {self} files are let go and somebody is told"


def test_whom_it_serves() -> None:
    assert nobody == "whom"
'''
BRITISH = "British spelling"
FOUND = [(1, "nobody"), (3, "whoever"), (7, "errand"), (15, "somebody"), (15, "let go"), (18, "whom")]


def seen(root: Path, name: str, text: str) -> Iterable[tuple[int, str]]:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return [(each.line.number, each.word) for each in look(prose(root, pages(root)))]


def test_prose_in_code_is_found_and_names_of_code_are_not(tmp_path: Path) -> None:
    assert seen(tmp_path, "src/twinport/some.py", CODE) == FOUND


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("README.md", "# A\n`nobody` and\n```\nnobody\n```\nThe road of nobody.\n", [(6, "nobody"), (6, "road")]),
        ("docs/a.md", "A round trip, then a trip.\nMake room at the destination.\n", [(1, "trip")]),
        ("src/twinport/console/templates/a.html", "<p>Try anew</p>", [(1, "anew")]),
        ("src/twinport/console/assets/a.js", "// Whoever reads\nlet x = 1;", [(1, "whoever")]),
        ("tests/policies/cases/a.toml", 'name = "nobody"\nname = "a call by nobody else"\n', [(2, "nobody")]),
        (
            "docs/b.md",
            "A cancelled colour.\nIt is recognised.\nThe exercise is otherwise done.\n",
            [(1, BRITISH), (2, BRITISH)],
        ),
        ("Makefile", "a: ## Tell whom it is about.\n", [(1, "whom")]),
    ],
)
def test_other_files_are_read_as_what_they_are(
    name: str, text: str, found: list[tuple[int, str]], tmp_path: Path
) -> None:
    assert seen(tmp_path, name, text) == found


@pytest.mark.parametrize(
    "name",
    [
        "src/twinport/aws/dispatch.py",
        "src/twinport/catalog/migrations/0001.py",
        "tests/access/recorded.json",
        "CHANGELOG.md",
        "tools/list_words.py",
        "tests/project/test_words.py",
    ],
)
def test_what_aws_words_or_a_release_has_said_is_left_out(name: str, tmp_path: Path) -> None:
    assert seen(tmp_path, name, '"""Nobody."""\n') == []


def test_the_sentences_of_refusals_are_left_out_and_their_docstrings_are_not(tmp_path: Path) -> None:
    code = '"""Nobody."""\nraise Refusal("this is for nobody at all")\n'
    assert seen(tmp_path, "src/twinport/refusals/some.py", code) == [(1, "nobody")]


def test_every_word_says_what_to_write_instead() -> None:
    assert all(instead for _, _, instead in WORDS)


def test_the_command_counts_each_word_and_all(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Nobody is on the road.\nNobody.\n")
    command = [sys.executable, "-m", "tools.list_words", str(tmp_path)]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "README.md:1: road (-> lane): Nobody is on the road.\n" in shown
    assert shown.endswith("    2 nobody\n    1 road\n    3 in all\n")
