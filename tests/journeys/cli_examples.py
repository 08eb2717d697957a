"""The examples that the AWS command line documents, as its own package has them: what is typed, and what it prints."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.journeys.commands import find, lacking

_BLOCK = re.compile(r"(?:^[ ]{2,}\S.*\n(?:[ \t]*\n)*)+", re.MULTILINE)
_FILE = re.compile(r"Contents of ``([\w.-]+)``::\s*$")


@dataclass(frozen=True)
class Example:
    """One command of a page. `output` is what it prints, None if it prints nothing; `files` are those it reads."""

    page: str
    number: int
    command: str
    output: str | None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.page} {self.number}"


def folder(service: str) -> Path:
    """Return where the installed command line has the pages of a service."""
    program = Path(find("aws"))
    interpreter = program.read_text(errors="replace").partition("\n")[0].removeprefix("#!").split()
    try:
        ask = [*interpreter, "-c", "import awscli; print(awscli.__file__)"]
        package = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        lacking(f"{program} does not say where its documentation is")
    return Path(package).parent / "examples" / service


def examples(service: str) -> dict[str, Example]:
    """Return the examples of a service by their names: `list-images 1`."""
    pages = sorted(path for path in folder(service).glob("*.rst") if not path.stem.endswith("_description"))
    return {each.name: each for path in pages for each in parse(path.stem, path.read_text())}


def parse(page: str, text: str) -> Iterator[Example]:
    """Yield the examples of a page. Blocks behind a command belong to it until the next one."""
    command, output, files, number = "", None, dict[str, str](), 0
    for before, block in _blocks(text):
        if block.startswith("aws "):
            if command:
                yield Example(page, number, command, output, files)
            command, output, files, number = block, None, {}, number + 1
        elif named := _FILE.search(before):
            files[named[1]] = block
        elif before.endswith("Output::"):
            output = block
    if command:
        yield Example(page, number, command, output, files)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield each indented block with the text before it."""
    end = 0
    for found in _BLOCK.finditer(text + "\n"):
        yield text[end : found.start()].rstrip(), dedent(found[0]).strip()
        end = found.end()


def differences(documented: Any, answered: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 — as JSON has it
    """Yield where an answer lacks a member that is documented, or has a value of another type."""
    if isinstance(documented, dict) and isinstance(answered, dict):
        for name, value in documented.items():
            inner = f"{path}.{name}".lstrip(".")
            if name not in answered:
                yield f"{inner} is missing"
            else:
                yield from differences(value, answered[name], inner)
    elif isinstance(documented, list) and isinstance(answered, list):
        if documented and not answered:
            yield f"{path} is empty"
        for value in answered if documented else ():
            yield from differences(documented[0], value, f"{path}[]")
    elif not _is_alike(documented, answered, path):
        yield f"{path} is {json.dumps(answered)}, and documented as {json.dumps(documented)}"


def _is_alike(documented: object, answered: object, path: str) -> bool:
    """Compare types; version 2 of the command line prints times as texts, and the examples have version 1's numbers."""
    if path.endswith("At") and isinstance(documented, float):
        return isinstance(answered, float) or re.match(r"\d{4}-\d\d-\d\dT", str(answered)) is not None
    return type(documented) is type(answered)
