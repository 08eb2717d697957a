"""The table as text: a block of lines for each work, a line for each contender, and why one is missing."""

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import Cell, Row, Table, ratio

OURS = "twinport"
# With so much else to do for the machine, a round says little.
_BUSY_CORES = 0.2
_HEAD = f"{'contender':<24}{'figure':>14}{'ratio':>8}{'CPU ms':>9}{'stmts':>8}{'writes':>8}  rounds"


def show(table: Table, missing: Mapping[str, str]) -> str:
    """Return the whole table, with its legend, and why contenders are missing."""
    width = max(len(_title(row)) for row in table) + 2
    blocks = [_block(row, _worth_a_line(cells, missing), width) for row, cells in table.items()]
    reasons = [f"missing: {name}: {' '.join(reason.split())}" for name, reason in missing.items()]
    legend = (
        "figure: median of the rounds. ratio: twinport's figure divided by this one; for another twinport, this one\n"
        "divided by twinport's. CPU ms: of the server, for one operation. stmts, writes: statements, and transactions\n"
        f"that write, for one operation. !: other programs kept more than {_BUSY_CORES} processors busy."
    )
    return "\n".join([f"{'work':<{width}}{_HEAD}", *blocks, "", legend, *reasons])


def save(table: Table, file: Path) -> None:
    """Write every figure of every round as JSON."""
    document = [
        {"work": row.name, "unit": row.unit, "contenders": {name: cell.document() for name, cell in cells.items()}}
        for row, cells in table.items()
    ]
    file.write_text(json.dumps(document, indent=1) + "\n")


def _worth_a_line(cells: dict[str, Cell], missing: Mapping[str, str]) -> dict[str, Cell]:
    """Leave out the contenders that are missing everywhere, unless no other one is left."""
    return {name: cell for name, cell in cells.items() if cell.reason != missing.get(name)} or cells


def _title(row: Row) -> str:
    return f"{row.name}{' (less is better)' if row.less else ''}"


def _block(row: Row, cells: dict[str, Cell], width: int) -> str:
    lines = [_line(row, name, cells) for name in cells]
    return "\n".join(f"{'' if number else _title(row):<{width}}{line}" for number, line in enumerate(lines))


def _line(row: Row, name: str, cells: dict[str, Cell]) -> str:
    cell = cells[name]
    if cell.value is None:
        return f"{name:<24}not measured: {' '.join(cell.reason.split())}"
    figures = f"{_number(cell.value) + ' ' + row.unit:>14}{_ratio(name, cells):>8}{_number(cell.cpu_ms):>9}"
    counts = f"{_number(cell.statements):>8}{_number(cell.writes):>8}"
    rounds = " ".join(_number(each.value) for each in cell.rounds)
    busy = " !" if (cell.other_cores or 0) > _BUSY_CORES else ""
    notes = "; ".join(dict.fromkeys(each.note for each in cell.rounds if each.note))
    return f"{name:<24}{figures}{counts}  {rounds}{busy}{'  ' + notes if notes else ''}"


def _ratio(name: str, cells: dict[str, Cell]) -> str:
    # Where twinport on files is no contender, another twinport stands in its place.
    base = next((each for each in cells if each.startswith(OURS)), name)
    if name == base:
        return ""
    both = (cells[name], cells[base]) if name.startswith(OURS) else (cells[base], cells[name])
    found = ratio(*both)
    return "" if found is None else f"{found:.2f}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
