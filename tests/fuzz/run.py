"""`make fuzz`: looks for inputs that break a target, by what they reach, for as long as it is told.

A finding is printed with what was logged last, and kept in `build/fuzz/TARGET/`; so is every input that reached
something new, for the next run to begin with.
"""

import importlib
import sys
from collections import deque
from pathlib import Path

PROJECT = Path(__file__).parents[2]
WORDS = Path(__file__).parent / "words.txt"
LONGEST_INPUT = 4096


class LastLines:
    """Takes what is logged and keeps the end of it."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=5)

    def write(self, text: str) -> int:
        self._lines.append(text)
        return len(text)

    def flush(self) -> None:
        """There is nothing to wait for."""

    def isatty(self) -> bool:
        return False

    def __str__(self) -> str:
        return "\n".join(self._lines).replace("\\n", "\n")


def main() -> None:
    name, seconds = sys.argv[1:3]
    # Loaded by name: only `make fuzz` installs it.
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["twinport"], enable_loader_override=False):
        targets = importlib.import_module("tests.fuzz.targets")
    if name not in targets.TARGETS:
        sys.exit(f"there is no target '{name}': {', '.join(targets.TARGETS)}")
    found = PROJECT / "build" / "fuzz" / name
    found.mkdir(parents=True, exist_ok=True)
    target, logged = targets.TARGETS[name](), LastLines()
    sys.stderr = logged

    def attempt(content: bytes) -> None:
        try:
            target(content)
        except BaseException:
            print(f"{logged}\nthe input was {content!r}", flush=True)
            raise

    limits = (f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", "-timeout=10", "-rss_limit_mb=2048")
    flags = (*limits, f"-dict={WORDS}", f"-artifact_prefix={found}/finding-", "-print_final_stats=1", "-verbosity=1")
    atheris.Setup([sys.argv[0], *flags, str(found), str(targets.SEEDS / name)], attempt)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
