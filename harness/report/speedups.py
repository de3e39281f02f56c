"""The speed-ups in the shape people know: rows model × target, a column per variant, then ratios.

Web targets share their columns by what was seen to run (plain, SIMD, SIMD + threads), whatever
their variants are called; other targets have a column per variant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.model import Cell, Column, Figure, Scalar, Table, TableValue
from harness.report import notes
from harness.report.cell_ratios import RatioSummary
from harness.report.layout import Labels, gain, section_of, time_or_word
from harness.report.marks import marked_ratios
from harness.report.numbers import SECONDS, Scale, scale_for
from harness.report.ran_as import is_forced, ran_as_notes
from harness.report.sampling import sampling_column, sampling_notes, sampling_of
from harness.report.summary import CellSummary

_WASM = {"plain": "plain", "simd": "SIMD"}


@dataclass(frozen=True, slots=True)
class _Kind:
    """A column of times: what the variants in it have in common."""

    key: str
    header: str
    rank: tuple[int, int] = (3, 0)


@dataclass(frozen=True, slots=True)
class _Row:
    """One model on one target: its cells by column."""

    cells: dict[_Kind, CellSummary]
    kinds: dict[str, _Kind]

    @property
    def first(self) -> CellSummary:
        return next(iter(self.cells.values()))

    def ratios(self) -> dict[tuple[_Kind, _Kind], RatioSummary]:
        """Return the declared ratios by their two columns, in declared order."""
        found = {
            (r.numerator, r.denominator): r for cell in self.cells.values() for r in cell.ratios
        }
        return {
            (self.kinds[pair[0]], self.kinds[pair[1]]): found[pair]
            for pair in self.first.target.ratios
            if pair in found and set(pair) <= set(self.kinds)
        }


def speedup_tables(cells: Sequence[CellSummary]) -> tuple[Table, ...]:
    """Return one table per set of columns; targets with a single variant have no row."""
    families: dict[tuple[str, ...], list[_Row]] = {}
    for row in _rows(cells):
        if len(row.cells) > 1:
            families.setdefault(_family(row), []).append(row)
    return tuple(_table(rows) for rows in families.values())


def columns_of(cells: Sequence[CellSummary]) -> dict[tuple[str, Cell], str]:
    """Return the key of the column that the time of each cell stands in, by session and cell."""
    return {
        (cell.session_name, cell.cell): kind.key
        for row in _rows(cells)
        for kind, cell in row.cells.items()
    }


def _family(row: _Row) -> tuple[str, ...]:
    if any(kind.rank < (3, 0) for kind in row.cells):
        return ("wasm",)
    return tuple(kind.key for kind in row.cells)


def _rows(cells: Sequence[CellSummary]) -> Iterable[_Row]:
    targets: dict[tuple[str, str], list[CellSummary]] = {}
    for cell in cells:
        targets.setdefault((cell.session_name, cell.cell.target), []).append(cell)
    kinds = {key: _kinds(own) for key, own in targets.items()}
    rows: dict[tuple[str, str, str, str], _Row] = {}
    for cell in cells:
        own = kinds[cell.session_name, cell.cell.target]
        key = (cell.session_name, cell.cell.model, cell.cell.file, cell.cell.target)
        row = rows.setdefault(key, _Row({}, own))
        row.cells[own[cell.cell.variant]] = cell
    return rows.values()


def _kinds(cells: Sequence[CellSummary]) -> dict[str, _Kind]:
    """Return the column of each variant of one target; by name where two would share one."""
    of_variant: dict[str, list[CellSummary]] = {}
    for cell in cells:
        of_variant.setdefault(cell.cell.variant, []).append(cell)
    kinds = {name: _wasm_kind(own) or _Kind(name, name) for name, own in of_variant.items()}
    if len(set(kinds.values())) < len(kinds):
        return {name: _Kind(name, name) for name in kinds}
    return kinds


def _wasm_kind(cells: Sequence[CellSummary]) -> _Kind | None:
    if _fact(cells, "as_shipped") is True:
        return _Kind("as_shipped", "as shipped", (2, 99))
    wasm, threads = _fact(cells, "wasm"), _fact(cells, "threads")
    if wasm in _WASM:
        return _Kind(str(wasm), _WASM[str(wasm)], (list(_WASM).index(str(wasm)), 0))
    if wasm == "threaded-simd" and isinstance(threads, int):
        plural = "" if threads == 1 else "s"
        return _Kind(f"simd_{threads}t", f"SIMD + {threads} thread{plural}", (2, threads))
    return None


def _fact(cells: Sequence[CellSummary], fact: str) -> Scalar:
    """Return a fact as observed; where nothing was measured, as asked for."""
    for cell in cells:
        for value in cell.observed(fact):
            return value
    for cell in cells:
        for run in cell.latency.runs:
            if run.proof.asked.get(fact) is not None:
                return run.proof.asked[fact]
    return None


def _table(rows: Sequence[_Row]) -> Table:
    cells = [cell for row in rows for cell in row.cells.values()]
    labels = Labels(cells)
    kinds = sorted(dict.fromkeys(kind for row in rows for kind in row.cells), key=lambda k: k.rank)
    pairs = list(dict.fromkeys(pair for row in rows for pair in row.ratios()))
    scale = scale_for((cell.time.median for cell in cells if cell.time), SECONDS)
    sampled = sampling_column(cells)
    columns = (
        *labels.columns,
        Column("statistic", "stat"),
        *(Column(kind.key, kind.header, scale.unit, "right") for kind in kinds),
        *(Column(f"{a.key}/{b.key}", f"{a.header} vs {b.header}", align="right") for a, b in pairs),
        *sampled,
    )
    return Table(
        name="speedups",
        title="Speed-ups: time per variant, and what each gains over another",
        columns=columns,
        rows=tuple(
            (
                *labels.of(row.first),
                _statistic(row),
                *(_time(row.cells.get(kind), scale) for kind in kinds),
                *(gain(row.ratios().get(pair)) for pair in pairs),
                *((sampling_of(row.first),) if sampled else ()),
            )
            for row in rows
        ),
        notes=(
            "Times are medians over runs of each run's p50 or mean (stat).",
            *sampling_notes(cells),
            *ran_as_notes(cells),
            *notes.ratio_rule(cells),
            *marked_ratios(cells),
            *notes.provenance(cells),
        ),
        section=section_of(cells),
    )


def _time(cell: CellSummary | None, scale: Scale) -> TableValue:
    """Return a time, marked where its threads were forced."""
    time = time_or_word(cell, scale)
    if cell is None or not is_forced(cell) or not isinstance(time, Figure):
        return time
    return replace(time, text=f"{time.text} (forced)")


def _statistic(row: _Row) -> str | None:
    return next((cell.statistic for cell in row.cells.values() if cell.time), None)
