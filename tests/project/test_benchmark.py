"""The benchmark's table says what was found, and why something is missing. Its works run in tests/journeys."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks import bench, table
from benchmarks.bench import Session
from benchmarks.figures import Cell, Found, Row
from benchmarks.fleet import Fleet
from benchmarks.generator import Failed, Generator
from benchmarks.peers.running import NotHere, Server
from benchmarks.works.work import QUICK, WHOLE, Run, Work

ROW = Row("pulls")


def test_a_ratio_divides_our_median_by_the_peers() -> None:
    found = {"twinport": cell(10, 20, 90), "zot": cell(40)}
    assert columns(found)["zot"][:3] == ["40", "/s", "0.50"]


def test_the_ratio_of_another_twinport_is_its_part_of_our_figure() -> None:
    found = {"twinport": cell(20), "twinport, 2 workers": cell(30)}
    assert columns(found)["twinport, 2 workers"][:3] == ["30", "/s", "1.50"]


def test_a_round_beside_a_busy_program_is_marked() -> None:
    quiet, busy = (Cell([Found(5, other_cores=cores)]) for cores in (0.1, 0.3))
    assert columns({"twinport": quiet})["twinport"][-1] == "5"
    assert columns({"twinport": busy})["twinport"][-1] == "!"


def test_a_contender_that_cannot_do_a_work_stands_beside_it_with_the_reason() -> None:
    shown = table.show({ROW: {"twinport": cell(5), "zot": Cell(reason="it has no such list")}}, {})
    assert "not measured: it has no such list" in shown


def test_a_contender_that_is_missing_is_named_once_with_the_reason() -> None:
    cells = {"twinport": cell(5), "zot": Cell(reason="no program")}
    shown = table.show({ROW: cells, Row("pushes"): cells}, {"zot": "no program"})
    assert shown.count("no program") == 1
    assert "missing: zot: no program" in shown


def test_the_file_has_every_round(tmp_path: Path) -> None:
    table.save({ROW: {"twinport": cell(5, 6)}}, tmp_path / "found.json")
    [work] = json.loads((tmp_path / "found.json").read_text())
    assert [each["value"] for each in work["contenders"]["twinport"]["rounds"]] == [5, 6]


def test_contenders_are_asked_in_turn(tmp_path: Path) -> None:
    asked: list[str] = []

    def measure(_run: Run, server: Server) -> Sequence[Found]:
        asked.append(server.name)
        return [Found(1)]

    session(tmp_path, rounds=2).perform(work(measure))
    assert asked == ["twinport", "zot", "twinport", "zot"]


def test_a_request_that_fails_takes_away_the_figures_of_that_contender_alone(tmp_path: Path) -> None:
    def measure(_run: Run, server: Server) -> Sequence[Found]:
        if server.name == "zot":
            raise Failed("status 500")
        return [Found(1)]

    ended = session(tmp_path, rounds=2)
    ended.perform(work(measure))
    assert ended.failures == ["pulls: zot: status 500"]
    assert [len(each.rounds) for each in ended.found[ROW].values()] == [2, 0]


def test_a_work_goes_on_without_a_contender_that_is_missing(tmp_path: Path) -> None:
    ended = session(tmp_path, rounds=1, missing={"zot": "no program"})
    ended.perform(work(lambda _run, _server: [Found(1)]))
    assert ended.failures == []
    assert ended.found[ROW]["zot"].reason == "no program"


def test_no_two_works_share_a_name_and_no_two_rows() -> None:
    for sizes in (QUICK, WHOLE):
        works = bench.all_works(sizes)
        rows = [row.name for each in works for row in each.rows]
        assert len({each.name for each in works}) == len(works)
        assert len(set(rows)) == len(rows)


def test_a_name_that_no_work_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.options(["--only", "pulling"])
    assert "the works are limits, start," in capsys.readouterr().err


def cell(*values: float) -> Cell:
    return Cell([Found(value) for value in values])


def columns(found: dict[str, Cell]) -> dict[str, list[str]]:
    """Return the words behind each contender's name."""
    lines = table.show({ROW: found}, {}).splitlines()
    return {name: line.partition(f" {name}  ")[2].split() for name in found for line in lines if f" {name}  " in line}


def work(measure: Callable[[Run, Server], Sequence[Found]]) -> Work:
    return Work("pulls", [ROW], ("twinport", "zot"), measure)


class FakeServer:
    def __init__(self, name: str) -> None:
        self.name = name


class FakeFleet(Fleet):
    def server(self, name: str) -> Server:
        if name in self.missing:
            raise NotHere(self.missing[name])
        return FakeServer(name)  # type: ignore[return-value]


def session(folder: Path, *, rounds: int, missing: dict[str, str] | None = None) -> Session:
    fleet = FakeFleet(folder, folder / "none", may_build=False, missing=missing or {})
    return Session(Run(fleet, Generator(folder / "none"), QUICK), rounds)
