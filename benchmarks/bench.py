"""How fast twinport is beside its peers, on one disk, with one client, in turn.

PYTHONPATH=src:. python -m benchmarks.bench [--quick|--smoke] [--only NAME] [--rounds N] [--json FILE] [--folder FOLDER]

docs/performance.md says what is measured, how to read the table, and what is not comparable.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import table
from benchmarks.figures import Cell, Found, Row, Table
from benchmarks.fleet import CEILING, CONTENDERS, DEBIANS, OURS, OURS_POSTGRESQL, Fleet
from benchmarks.generator import Failed, Generator
from benchmarks.peers import go_programs, processes
from benchmarks.peers.counted import Counts
from benchmarks.peers.running import NotHere
from benchmarks.works import blobs, copies, ecr, images, limits, listings, manifests, object_store, resources
from benchmarks.works.work import QUICK, SMOKE, WHOLE, Run, Sizes, Work

_ROUNDS = 3
_OF_SMOKE = {OURS, DEBIANS, CEILING}
_GROUPS = (limits, resources, manifests, images, blobs, object_store, listings, ecr, copies)


@dataclass
class Session:
    """A run and what it has found. A contender that fails is left out of the rest of that work."""

    run: Run
    rounds: int
    found: Table = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def perform(self, work: Work) -> None:
        """Measure all contenders of a work in turn."""
        cells = {name: [Cell() for _ in work.rows] for name in work.contenders}
        for number, row in enumerate(work.rows):
            self.found[row] = {name: each[number] for name, each in cells.items()}
        ready = [name for name in work.contenders if self._prepare(work, name, cells[name])]
        for _ in range(self.rounds):
            for name in ready:
                _tell(f"{work.name}: {name}")
                self._try(work, name, cells[name])

    def remember(self) -> None:
        """Note how much memory each contender has at the end."""
        row = Row("memory after the run (PSS)", "MB", less=True)
        memory = self.run.fleet.memory()
        self.found[row] = {name: Cell([Found(memory[name])]) for name in CONTENDERS if name in memory}

    def count(self, works: Sequence[Work]) -> None:
        """Count our statements in rounds of their own, since counting costs time."""
        for name in (OURS, OURS_POSTGRESQL):
            counting = [work for work in works if work.is_counted and self._is_measured(work, name)]
            if counting:
                self.run.counting = self.run.fleet.count(name)
            for work in counting:
                _tell(f"{work.name}: statements: {name}")
                self._count(work, name)

    def _is_measured(self, work: Work, name: str) -> bool:
        return name in work.contenders and bool(self.found[work.rows[0]][name].rounds)

    def _count(self, work: Work, name: str) -> None:
        server, cells = self.run.fleet.server(name), [self.found[row][name] for row in work.rows]
        work.measure(self.run, server)
        before = self.run.counts()
        self._note_counts(cells, before, work.measure(self.run, server))
        for cell in cells:
            # On PostgreSQL no statement says that a transaction writes.
            cell.writes = None if name == OURS_POSTGRESQL else cell.writes

    def _note_counts(self, cells: Sequence[Cell], before: Counts, founds: Sequence[Found]) -> None:
        first = founds[0]
        if first.statements is None:
            cells[0].statements, cells[0].writes = self.run.counts().since(before, first.operations)
            return
        for cell, found in zip(cells, founds, strict=True):
            cell.statements, cell.writes = found.statements, found.writes

    def _prepare(self, work: Work, name: str, cells: Sequence[Cell]) -> bool:
        if name in work.lacking:
            _give_up(cells, work.lacking[name])
            return False
        try:
            work.prepare(self.run, self.run.fleet.server(name))
        except NotHere as reason:
            _give_up(cells, str(reason))
            return False
        except Failed as failure:
            self._fail(work, name, cells, failure)
            return False
        return True

    def _try(self, work: Work, name: str, cells: Sequence[Cell]) -> None:
        if cells[0].reason:
            return
        try:
            founds = work.measure(self.run, self.run.fleet.server(name))
        except Failed as failure:
            self._fail(work, name, cells, failure)
            return
        for cell, found in zip(cells, founds, strict=True):
            cell.rounds.append(found)

    def _fail(self, work: Work, name: str, cells: Sequence[Cell], failure: Failed) -> None:
        self.failures.append(f"{work.name}: {name}: {failure}")
        _give_up(cells, f"failed: {failure}")


def _give_up(cells: Sequence[Cell], reason: str) -> None:
    for cell in cells:
        cell.rounds.clear()
        cell.reason = reason


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def all_works(sizes: Sizes) -> list[Work]:
    """Return every work, in the order of the table."""
    return [work for group in _GROUPS for work in group.works(sizes)]


def conditions(folder: Path, rounds: int, sizes: Sizes) -> str:
    """Say where and how the figures were taken."""
    machine = f"{os.cpu_count()} processors, Linux {platform.release()}, Python {platform.python_version()}"
    disk = f"{folder} on {processes.file_system(folder)}"
    load = os.getloadavg()[0]
    return (
        f"{machine}; {disk}; load {load:.1f} at the start; rounds: {rounds} of {sizes.seconds:g} s, contenders in turn"
    )


def options(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small works, one round, and only programs that are built")
    parser.add_argument("--smoke", action="store_true", help="as --quick, for a moment, beside Debian's registry alone")
    parser.add_argument(
        "--only", action="append", help="the name of a work, or its beginning; several times for several"
    )
    parser.add_argument("--rounds", type=int, help=f"how many rounds there are ({_ROUNDS}; --quick: 1)")
    parser.add_argument("--json", type=Path, help="the file for the figures of all rounds")
    parser.add_argument("--folder", type=Path, help="a folder of the disk that is measured (the temporary folder)")
    chosen = parser.parse_args(words)
    names = [work.name for work in all_works(WHOLE)]
    if not [name for name in names if _is_chosen(name, chosen)]:
        parser.error(f"no work has such a name; the works are {', '.join(names)}")
    return chosen


def _is_chosen(name: str, chosen: argparse.Namespace) -> bool:
    return not chosen.only or name.startswith(tuple(chosen.only))


def measure(chosen: argparse.Namespace, folder: Path, program: Path) -> Session:
    """Run the chosen works with servers in this folder."""
    sizes = SMOKE if chosen.smoke else QUICK if chosen.quick else WHOLE
    works = [work for work in all_works(sizes) if _is_chosen(work.name, chosen)]
    is_short = chosen.quick or chosen.smoke
    rounds = chosen.rounds or (1 if is_short else _ROUNDS)
    print(conditions(folder, rounds, sizes), flush=True)
    left_out = {name: "left out by --smoke" for name in CONTENDERS if chosen.smoke and name not in _OF_SMOKE}
    with closing(Fleet(folder, program, may_build=not is_short, missing=left_out)) as fleet:
        session = Session(Run(fleet, Generator(program), sizes), rounds)
        for work in works:
            session.perform(work)
        session.remember()
        session.count(works)
    return session


def main(words: Sequence[str]) -> int:
    """Measure, print the table, and return 1 if a contender that is here failed."""
    chosen = options(words)
    try:
        program = go_programs.load_generator()
    except NotHere as reason:
        print(f"nothing is measured without the load generator: {reason}")
        return 1
    with tempfile.TemporaryDirectory(prefix="twinport-bench-", dir=chosen.folder) as folder:
        session = measure(chosen, Path(folder), program)
    print(table.show(session.found, session.run.fleet.missing))
    if chosen.json:
        table.save(session.found, chosen.json)
    for failure in session.failures:
        print(f"failed: {failure}")
    return 1 if session.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
