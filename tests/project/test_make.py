"""One command for everything: `make help` tells each target in a sentence."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_help_tells_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make ([\w-]+) +\S.*\.$", shown, re.MULTILINE) == phony()


def test_ci_runs_what_a_person_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert set(re.findall(r"make ([\w-]+)$", script, re.MULTILINE)) <= set(phony())


def phony() -> list[str]:
    makefile = (ROOT / "Makefile").read_text()
    [targets] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    return sorted(targets.split(), key=lambda target: makefile.index(f"\n{target}: "))
