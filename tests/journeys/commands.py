"""Running real programs, so that a failure shows what the program said."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import pytest

# Debian's programs are the ones the journeys were written for; another of the same name may stand earlier on PATH.
DEBIAN_FOLDERS = "/usr/bin:/usr/sbin:/bin:/sbin"
DEADLINE_SECONDS = 120


class CommandFailed(Exception):
    def __init__(self, words: tuple[str, ...], code: int, said: str) -> None:
        super().__init__(f"{' '.join(words)} ended with {code}\n{said}")
        self.code, self.said = code, said


@dataclass(frozen=True, slots=True)
class Program:
    """A program with the words and the environment that every call of it has."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    deadline_seconds: float = DEADLINE_SECONDS

    def __call__(self, *words: str, stdin: str = "") -> str:
        """Run it and return what it printed; raise CommandFailed with all it said if it fails."""
        done = subprocess.run(
            [*self.words, *words],
            input=stdin,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=self.deadline_seconds,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed((*self.words, *words), done.returncode, done.stdout + done.stderr)
        return done.stdout

    def refusal(self, *words: str, stdin: str = "") -> str:
        """Run what must be refused, and return what it said."""
        with pytest.raises(CommandFailed) as failure:
            self(*words, stdin=stdin)
        return failure.value.said

    def preceded_by(self, *words: str) -> "Program":
        return replace(self, words=(*words, *self.words))

    def with_words(self, *words: str) -> "Program":
        """The same program with these words in every call."""
        return replace(self, words=(*self.words, *words))

    def lasting(self, seconds: float) -> "Program":
        """The same program with more time for each call."""
        return replace(self, deadline_seconds=seconds)


def find(name: str) -> str:
    """Find a program; a journey that lacks one is skipped, but never in CI."""
    path = shutil.which(name, path=DEBIAN_FOLDERS) or shutil.which(name)
    if path is None:
        lacking(f"'{name}' is not installed")
    return path


def lacking(reason: str) -> NoReturn:
    """End the journey for want of something: CI has everything, so there it is a failure."""
    if os.environ.get("TWINPORT_CI") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def with_hosts(program: Program, hosts: Path) -> Program:
    """Give the program a hosts file of its own."""
    return with_mounts(program, {"/etc/hosts": hosts})


def with_mounts(program: Program, mounts: Mapping[str, Path]) -> Program:
    """Let the program see files and folders of ours in place of the machine's, which stay as they are."""
    script = 'while [ "$1" != run ]; do mount --bind "$2" "$1" || exit 1; shift 2; done; shift; exec "$@"'
    places = [word for place, ours in mounts.items() for word in (place, str(ours))]
    return program.preceded_by(find("unshare"), "--mount", "sh", "-c", script, "sh", *places, "run")
