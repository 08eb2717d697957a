"""List the lines of prose whose words a stranger would not search for, for a person to look at.

    python -m tools.list_words           list the lines of this project, then the count of each word and of all
    python -m tools.list_words FOLDER    the same for another folder

Prose is what a person reads: comments, docstrings, string literals with a sentence in them, the names of tests,
Markdown pages, and the console's templates. What AWS words is left out (`EXCEPTED`, `WORDED_BY_AWS`).
"""

import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "tools", "benchmarks", "docs", "deploy")
PAGES = ("README.md", "CONTRIBUTING.md", "Makefile")
KINDS = {".py", ".md", ".html", ".js", ".css", ".toml"}
# AWS's wire and texts, what earlier releases did, and the files that must spell the words out. Recordings are JSON,
# which `KINDS` leaves out.
EXCEPTED = (
    "src/twinport/aws",
    "src/twinport/catalog/migrations",
    "docs/decisions/0039-retired-words.md",
    "tools/check_names.py",
    "tools/list_words.py",
    "tests/project/test_names.py",
    "tests/project/test_words.py",
)
# The sentences of these are AWS's; their comments and docstrings are ours.
WORDED_BY_AWS = "src/twinport/refusals"

_BRITISH = (
    r"\b\w*(?:(?:recogn|author|organ|serial|initial|normal|summar|optim|synchron)is(?:e|ing|ation)|behaviour|colour|favour|honour|neighbour"
    r"|licence|catalogue|defence|offence|artefact)\w*|\b(?:cancelled|cancelling|travelled|travelling|labelled|fulfil|grey|spelt|towards)\b"
)
# Each word, what finds it, and what to write instead. Plain English keeps "make room", "at the edge of" and the like.
WORDS = (
    ("British spelling", _BRITISH, "American spelling, as AWS has it"),
    ("whom", r"\bwhom\b", "the actor"),
    ("whoever", r"\bwho(?:m|so)?ever\b", "any client, the caller, the holder"),
    ("somebody", r"\bsomebody(?:'s)?\b", "the actor"),
    ("nobody", r"\bnobody(?:'s)?\b", "no client, no process, no row"),
    ("anybody", r"\banybody(?:'s)?\b", "any client"),
    ("let go", r"\blet(?:s|ting)? (?:garbage )?go\b", "delete, forget, release; garbage collection"),
    ("anew", r"\banew\b", "again"),
    ("exchange", r"\b(?:an?|the|one|each|HTTP|this) exchanges?\b", "a request and its answer; http.messages"),
    ("front", r"\bthe front\b|\bour front\b", "the application"),
    ("edge", r"\b(?:pass|ask|build)\w* the edge\b|: the edge\b|^\W*the edge:", "admission"),
    ("room", r"\brooms\b", "memory budget; packages"),
    ("neighbours", r"\bneighbou?rs?\b", "peers"),
    ("outgoing", r"\ban? outgoing\b(?! \w)|\bthe outgoing\b(?! \w)", "a request of the egress client"),
    ("keeping", r"\b(?:the|its|their|our) keeping\b", "retention"),
    ("litter", r"\blitter\b(?![._])", "orphaned files"),
    ("patience", r"\b(?:im)?patience\b", "deadline; sign-in throttle"),
    ("pace", r"\bpace[ds]?\b", "rate limit; throughput limit"),
    ("circumstances", r"\bcircumstances?\b", "request context"),
    ("situation", r"\bsituations?\b", "case"),
    ("road", r"\broads?\b", "lane"),
    ("trip", r"(?<!round )(?<!round-)\btrips?\b", "transfer"),
    ("badge", r"\bbadges?\b", "session"),
    ("souvenir", r"\bsouvenirs?\b", "the image of the tour"),
    ("tether", r"\btether\w*", "parent watch"),
    ("linger", r"\blinger\w*", "drain"),
    ("errand", r"\berrands?\b", "task"),
    ("consignment", r"\bconsignments?\b", "shipment"),
)
_PATTERNS = tuple((word, re.compile(pattern, re.IGNORECASE), instead) for word, pattern, instead in WORDS)
# Fewer words than this are a name, a value or a label.
_SENTENCE = 4
_SILENT = {tokenize.NL, tokenize.COMMENT}
_BEFORE_A_STATEMENT = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of prose, and where it stands."""

    path: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    word: str
    instead: str
    line: Line


def main(arguments: Sequence[str]) -> int:
    root = Path(arguments[0]) if arguments else ROOT
    found = list(look(prose(root, pages(root))))
    for each in found:
        print(f"{each.line.path}:{each.line.number}: {each.word} (-> {each.instead}): {each.line.text.strip()}")
    for word, count in Counter(each.word for each in found).most_common():
        print(f"{count:5} {word}")
    print(f"{len(found):5} in all")
    return 0


def look(lines: Iterable[Line]) -> Iterator[Found]:
    """Yield each word of `WORDS` once for each line that has it."""
    for line in lines:
        yield from (Found(word, instead, line) for word, pattern, instead in _PATTERNS if pattern.search(line.text))


def pages(root: Path) -> Iterator[Path]:
    """Yield the files that hold prose of ours."""
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*")):
        if path.suffix in KINDS and not path.relative_to(root).as_posix().startswith(EXCEPTED):
            yield path
    yield from (root / name for name in PAGES if (root / name).exists())


def prose(root: Path, paths: Iterable[Path]) -> Iterator[Line]:
    """Yield the prose of files below `root`, line by line."""
    for path in paths:
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        yield from (Line(name, number, part) for number, part in _parts(name, path.suffix, text))


def _parts(name: str, kind: str, text: str) -> Iterator[tuple[int, str]]:
    if kind == ".py":
        return _python(text, has_sentences=not name.startswith(WORDED_BY_AWS))
    if kind == ".md":
        return _markdown(text)
    if kind == ".toml":
        return _toml(text)
    return enumerate(text.splitlines(), 1)


def _python(text: str, *, has_sentences: bool) -> Iterator[tuple[int, str]]:
    before, is_definition = tokenize.NEWLINE, False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_docstring = before in _BEFORE_A_STATEMENT
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
        elif token.type == tokenize.STRING and (is_docstring or (has_sentences and _is_sentence(token.string))):
            yield from enumerate(token.string.splitlines(), token.start[0])
        elif is_definition and token.string.startswith("test_"):
            yield token.start[0], token.string.replace("_", " ")
        before, is_definition = before if token.type in _SILENT else token.type, token.string == "def"


def _is_sentence(literal: str) -> bool:
    return len(re.findall(r"(?:^|\s)\W?[^\W\d]", literal)) >= _SENTENCE


def _markdown(text: str) -> Iterator[tuple[int, str]]:
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        is_code ^= line.lstrip().startswith("```")
        if not is_code:
            yield number, re.sub(r"`[^`]*`", "``", line)


def _toml(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        yield from ((number, part) for part in re.findall(r'"[^"]*"|#.*', line) if part[0] == "#" or _is_sentence(part))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
