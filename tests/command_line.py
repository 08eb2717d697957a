"""The command line in this process, or many commands in one process of another user: starting Python is what costs."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from twinport import cli


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


def called(*words: str, **environment: str) -> Ended:
    """Run a command as the shell would, with no settings but those of its words and of `environment`."""
    out, err, mask = io.StringIO(), io.StringIO(), os.umask(0o077)
    os.umask(mask)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("TWINPORT_")}
    try:
        with (
            patch.object(sys, "argv", ["twinport", *words]),
            patch.dict(os.environ, {**variables, **environment}, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    else:
        code = 0
    finally:
        os.umask(mask)
    return Ended(code, out.getvalue(), err.getvalue())


def called_by(user: Sequence[str], commands: Sequence[Sequence[str]]) -> list[Ended]:
    """Run commands one after the other in one process, which is begun by the command `user`."""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [*user, sys.executable, "-m", "tests.command_line"],
        input=json.dumps(list(map(list, commands))),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        cwd=root,
        env={"PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)]), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return [Ended(*each) for each in json.loads(done.stdout)]


if __name__ == "__main__":
    ended = [called(*words) for words in json.load(sys.stdin)]
    json.dump([(each.code, each.stdout, each.stderr) for each in ended], sys.stdout)
