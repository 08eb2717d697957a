"""`docker-credential-twinport`: logs docker, podman, skopeo and others in with the user's AWS credentials.

The protocol is that of docker's credential helpers: a verb as the only argument, the registry's address on standard
input, an answer or an error on standard output. Nothing is stored.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from twinport import __version__
from twinport.errors import Refusal
from twinport.login.about import about
from twinport.login.credentials import Surroundings
from twinport.login.tokens import fetch

_LONGEST_ADDRESS = 4096
_HELP = """usage: docker-credential-twinport get|list|store|erase|version

docker, podman and skopeo run this program when their settings name 'twinport' as credential helper. It reads the
registry's address on standard input and answers with a token, by the AWS credentials of the environment or the profile.
Exit codes: 0 done, 1 refused; the reason is on standard output, where docker reads it."""


def main() -> None:
    sys.exit(run(sys.argv[1:], sys.stdin, sys.stdout, Surroundings(os.environ, Path.home())))


def run(arguments: list[str], given: TextIO, answer: TextIO, around: Surroundings) -> int:
    """Run one verb and return the exit code."""
    if (words := about(arguments, "docker-credential-twinport", _HELP)) is not None:
        answer.write(words)
        return 0
    verb = _VERBS.get(arguments[0]) if len(arguments) == 1 else None
    if verb is None:
        answer.write(f"usage: docker-credential-twinport {'|'.join(_VERBS)}\n")
        return 1
    try:
        answer.write(verb(given, around))
    except Refusal as refusal:
        answer.write(f"{refusal.message}\n")
        return 1
    return 0


def _get(given: TextIO, around: Surroundings) -> str:
    server = given.read(_LONGEST_ADDRESS).strip()
    host = server.rpartition("://")[2].partition("/")[0]
    token = fetch(host, around, datetime.now(UTC))
    return json.dumps({"ServerURL": server, "Username": "AWS", "Secret": token.password}) + "\n"


def _list(_given: TextIO, _around: Surroundings) -> str:
    """Return an empty list: nothing is stored."""
    return "{}\n"


def _keep_nothing(given: TextIO, _around: Surroundings) -> str:
    """Accept and ignore the input of `docker login` and `docker logout`: tokens are fetched when needed."""
    given.read()
    return ""


def _version(_given: TextIO, _around: Surroundings) -> str:
    return f"docker-credential-twinport {__version__}\n"


_VERBS: Mapping[str, Callable[[TextIO, Surroundings], str]] = {
    "get": _get,
    "list": _list,
    "store": _keep_nothing,
    "erase": _keep_nothing,
    "version": _version,
}
