"""`make histories`: run, check, print the figures, and keep what was wrong."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.catalogs import ENGINES, POSTGRESQL
from tests.histories import checks, history
from tests.histories.checks import Violation
from tests.histories.history import Heard
from tests.histories.running import Outcome, Plan, run
from tests.journeys import postgresql

KEPT = Path("build/histories")


def main() -> None:
    asked = _arguments()
    plans = [
        Plan(database, asked.seconds, asked.seed, asked.workers, asked.workers > 1)
        for database in ([asked.database] if asked.database else ENGINES)
    ]
    outcomes = [_one(plan) for plan in plans]
    if not all(outcomes):
        sys.exit(1)


def _one(plan: Plan) -> bool:
    """Run a plan and tell whether nothing was wrong."""
    if plan.database == POSTGRESQL and not postgresql.is_installed():
        print("postgresql: skipped, since Debian's package of it is not installed")
        return os.environ.get("TWINPORT_CI") != "1"
    folder, began = Path(tempfile.mkdtemp(prefix="twinport-histories-")), time.monotonic()
    try:
        outcome = run(plan, folder)
        found = checks.violations(outcome.history)
        _tell(plan, outcome, found, time.monotonic() - began)
        if found:
            _keep(plan, outcome, found, folder)
        return not found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(plan: Plan, outcome: Outcome, found: list[Violation], took: float) -> None:
    operations = outcome.history.operations
    heard = Counter(each.heard for each in operations)
    states = Counter(each.state for each in outcome.history.deliveries)
    print(
        f"{plan.database}, {plan.workers} processes, {plan.seconds:.0f} s of trouble of {took:.0f} s, seed {plan.seed}"
    )
    print(f"  operations  {len(operations)}: {_counted(Counter(each.kind.value for each in operations))}")
    print(f"  heard       {_counted(Counter({each.value: heard[each] for each in Heard}))}")
    print(f"  kills       {outcome.blows.total()}: {_counted(outcome.blows)}")
    print(f"  deliveries  {states.total()}: {_counted(states)}")
    print(f"  violations  {len(found)}", flush=True)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counter.most_common())


def _keep(plan: Plan, outcome: Outcome, found: list[Violation], folder: Path) -> None:
    kept = KEPT / f"{plan.database}-{plan.seed}"
    history.write(outcome.history, kept)
    text = "\n\n".join(str(each) for each in found)
    (kept / "violations.txt").write_text(f"{plan}\n\n{text}\n")
    for log in folder.glob("*.log"):
        shutil.copy(log, kept)
    print(f"\n{text[:6000]}\n\nseed {plan.seed}: the history and the logs are in {kept}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make histories", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--database", choices=ENGINES, default=None)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
