"""What the gate is asked while the suites of the doors run, written down for docs/reference/gate.md.

`make gate` and `make test WATCHED=yes` set the folder.

Every gate of the tests calls `saw`: the fakes, and the one of servers that `tests.watched` starts.
"""

import inspect
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = "TWINPORT_WITNESS"
# Where a suite writes which of its tests runs now, for the servers that it started.
TEST = "TWINPORT_WITNESS_TEST"
# The suites of the doors. What other tests ask is not written down: the page must not depend on which of them ran.
SUITES = (
    "tests/ecr/",
    "tests/iam/",
    "tests/sts/",
    "tests/oci/",
    "tests/console/",
    "tests/control/",
    "tests/access/test_basic_keys.py",
)
_DOORS = re.compile(r"twinport\.(ecr|iam|sts|oci|console|control)\.")


def is_watching() -> bool:
    return bool(os.environ.get(FOLDER))


def is_in_a_suite() -> bool:
    """Tell whether the test that runs now is of a suite that is watched."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").startswith(SUITES)


def saw(action: str, arn: str, context: Mapping[str, object]) -> None:
    """Write down a question, where it came from a door, and which test made it ask."""
    if not is_watching() or not (doors := _doors()):
        return
    if not (test := _test()).startswith(SUITES):
        return
    line = {"doors": doors, "action": action, "resource": arn, "context": sorted(context), "test": test}
    with (Path(os.environ[FOLDER]) / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def _doors() -> list[str]:
    """Return the modules and functions of doors that wait for the answer, the outermost first."""
    frame, found = inspect.currentframe(), []
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if _DOORS.match(module):
            found.append(f"{module}:{frame.f_code.co_qualname}")
        frame = frame.f_back
    return found[::-1]


def _test() -> str:
    """Return the file of the test that runs: which test of it comes first to what they share is left to chance."""
    shared = os.environ.get(TEST)
    text = Path(shared).read_text() if shared else os.environ.get("PYTEST_CURRENT_TEST", "")
    return text.split("::")[0]
