"""The files of a model side by side: size, time per variant, memory, difference of outputs.

The shape is that of the tables in which TFLite's articles compare quantised models: a row per
file, a column per delegate. Everything is measured in one block, so each time also stands as a
ratio to the fp32 file of the same variant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.model import Column, Figure, Table, TableValue
from harness.outputs import ORIGINAL
from harness.report import notes
from harness.report.family_wise import family_rule
from harness.report.layout import Labels, gain, section_of, time_or_word
from harness.report.marks import conditions_column, conditions_of, marked_runs
from harness.report.model_facts import size_bytes_of
from harness.report.numbers import BYTES, SECONDS, Scale, scale_for, significant, without_noise
from harness.report.summary import CellSummary

DIFFERENCE = "output_max_relative_difference"
_MEMORY = ("peak_rss", "peak_rss_delta", "tool_footprint", "pss", "renderer_uss", "meminfo_pss")


@dataclass(frozen=True, slots=True)
class _Row:
    """One file of a model on one target: its cells by variant."""

    cells: dict[str, CellSummary]

    @property
    def first(self) -> CellSummary:
        return next(iter(self.cells.values()))

    @property
    def size_bytes(self) -> int | None:
        """The size that the session noted of the very file that ran; None if none ran."""
        return size_bytes_of(self.cells.values())

    @property
    def differences(self) -> tuple[float, ...]:
        """How far the outputs of each run, a failed one too, were from the fp32 file's."""
        return tuple(
            float(value)
            for cell in self.cells.values()
            for run in cell.latency.runs
            if run.conditions.get("output_compared_with") == ORIGINAL
            and isinstance(value := run.proof.observed.get(DIFFERENCE), int | float)
        )


_Value: TypeAlias = Callable[[_Row], TableValue]
_Field: TypeAlias = tuple[Column, _Value]
"""A column, and what stands in it for each row."""


def files_tables(cells: Sequence[CellSummary]) -> tuple[Table, ...]:
    """Return a table per set of variants, of the models that have several files."""
    families: dict[tuple[str, ...], list[_Row]] = {}
    for row in rows_of(several_files(cells)):
        families.setdefault(tuple(row.cells), []).append(row)
    return tuple(_table(rows) for rows in families.values())


def several_files(cells: Sequence[CellSummary]) -> list[CellSummary]:
    """Return the cells of those models that stand in several files on one target."""
    files: dict[tuple[str, ...], set[str]] = {}
    for cell in cells:
        files.setdefault(_place(cell), set()).add(cell.cell.file)
    return [cell for cell in cells if len(files[_place(cell)]) > 1]


def rows_of(cells: Iterable[CellSummary]) -> list[_Row]:
    """Return a row per file and target, in the order of the cells."""
    rows: dict[tuple[str, ...], _Row] = {}
    for cell in cells:
        row = rows.setdefault((*_place(cell), cell.cell.file), _Row({}))
        row.cells[cell.cell.variant] = cell
    return list(rows.values())


def _place(cell: CellSummary) -> tuple[str, ...]:
    return (cell.path, cell.session_name, cell.cell.model, cell.cell.target)


def _table(rows: Sequence[_Row]) -> Table:
    cells = [cell for row in rows for cell in row.cells.values()]
    labels = Labels(cells)
    method = _method(cells)
    fields = [
        *_size_fields(rows),
        *_time_fields(rows, cells),
        *_memory_fields(rows, cells, method),
        (Column("difference", "difference of outputs", align="right"), _difference),
        *((column, _conditions) for column in conditions_column([c.latency for c in cells])),
    ]
    return Table(
        name="files",
        title="Files: size, time, memory and difference of outputs",
        columns=(*labels.columns, *(column for column, _ in fields)),
        rows=tuple(
            (*labels.of(row.first), *(value_of(row) for _, value_of in fields)) for row in rows
        ),
        notes=(
            *_meaning(cells, rows, method),
            *marked_runs(cells, "latency"),
            *notes.provenance(cells),
        ),
        section=section_of(cells),
    )


def _size_fields(rows: Sequence[_Row]) -> Iterable[_Field]:
    scale = scale_for((row.size_bytes for row in rows if row.size_bytes), BYTES)
    originals = {_place(row.first): row for row in rows if row.first.cell.file == ORIGINAL}

    def size(row: _Row) -> TableValue:
        return None if row.size_bytes is None else scale.figure(row.size_bytes)

    def share(row: _Row) -> TableValue:
        original = originals.get(_place(row.first))
        whole = original.size_bytes if original else None
        if row.size_bytes is None or not whole:
            return None
        part = row.size_bytes / whole
        return Figure(without_noise(part), f"{significant(part)}×")

    yield Column("size", "size", scale.unit, "right"), size
    yield Column("size_ratio", f"of {ORIGINAL}", align="right"), share


def _time_fields(rows: Sequence[_Row], cells: Sequence[CellSummary]) -> Iterable[_Field]:
    scale = scale_for((cell.time.median for cell in cells if cell.time), SECONDS)

    def compared(cell: CellSummary) -> TableValue:
        return ORIGINAL if cell.cell.file == ORIGINAL else gain(cell.over_original)

    for name in rows[0].cells:
        time = Column(f"time.{name}", name, scale.unit, "right")
        yield time, _of(name, lambda cell: time_or_word(cell, scale))
        speedup = Column(f"speedup.{name}", f"{name} vs {ORIGINAL}", align="right")
        yield speedup, _of(name, compared)


def _memory_fields(
    rows: Sequence[_Row], cells: Sequence[CellSummary], method: str
) -> Iterable[_Field]:
    scale = scale_for(_memories(cells, method), BYTES)
    for name in rows[0].cells if method else ():
        column = Column(f"{method}.{name}", f"memory, {name}", scale.unit, "right")
        yield column, _of(name, lambda cell: _memory(cell, method, scale))


def _of(variant: str, value_of: Callable[[CellSummary], TableValue]) -> _Value:
    return lambda row: value_of(row.cells[variant])


def _method(cells: Sequence[CellSummary]) -> str:
    """Return the memory metric that the table shows: the first that any cell has, or ''."""
    known = {metric.metric for cell in cells for metric in cell.memory_metrics if metric.n}
    return next((name for name in _MEMORY if name in known), "")


def _memories(cells: Sequence[CellSummary], method: str) -> list[float]:
    return [m.median for cell in cells for m in cell.memory_metrics if m.metric == method and m.n]


def _memory(cell: CellSummary, method: str, scale: Scale) -> TableValue:
    found = _memories([cell], method)
    return scale.figure(found[0]) if found else None


def _difference(row: _Row) -> TableValue:
    if not row.differences:
        return None
    worst = max(row.differences)
    return Figure(without_noise(worst), f"{worst:.2g}")


def _conditions(row: _Row) -> TableValue:
    told = dict.fromkeys(conditions_of(cell.latency) for cell in row.cells.values())
    return "; ".join(str(text) for text in told if text is not None) or None


def _meaning(cells: Sequence[CellSummary], rows: Sequence[_Row], method: str) -> tuple[str, ...]:
    told = [
        (
            f"vs {ORIGINAL}: speed-up over the {ORIGINAL} file of the same variant, block by "
            f"block; above 1 is faster. of {ORIGINAL}: size as a share of that file's."
        ),
        (
            f"difference of outputs: max |a−b| / max |ref| against the {ORIGINAL} file's reference "
            "outputs for the same inputs, the worst of all variants and runs, failed ones too."
        ),
    ]
    if method:
        told.append(f"memory: {method}, medians over memory runs; see the Memory table.")
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        if cell.over_original and cell.over_original.reason:
            name = f"{cell.cell.model}/{cell.cell.file} {cell.cell.variant}"
            reasons.setdefault(cell.over_original.reason, []).append(name)
    told += family_rule(cell.over_original for cell in cells)
    told += [f"No ratio: {', '.join(names)} ({reason})." for reason, names in reasons.items()]
    unknown = [row for row in rows if not row.differences]
    told += list(dict.fromkeys(map(_why_no_difference, unknown)))
    return tuple(told)


def _why_no_difference(row: _Row) -> str:
    name = f"{row.first.cell.model}/{row.first.cell.file} on {row.first.cell.target}"
    runs = [run for cell in row.cells.values() for run in cell.latency.runs]
    others = {run.conditions.get("output_compared_with") for run in runs} - {None, ORIGINAL}
    checks = {
        str(run.conditions["output_check"]) for run in runs if "output_check" in run.conditions
    }
    if others:
        why = f"its outputs were compared with another reference ({', '.join(map(str, others))})"
    elif checks:
        why = ", ".join(sorted(checks))
    else:
        why = "no run gave outputs"
    return f"No difference of outputs: {name} ({why})."
