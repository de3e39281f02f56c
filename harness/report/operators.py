"""The operator tables: where the time of an inference goes, variants side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from harness.errors import SuiteError
from harness.model import (
    Cell,
    Column,
    Figure,
    Measured,
    OperatorTime,
    ResultFolder,
    Table,
    TableValue,
)
from harness.report import notes
from harness.report.layout import section_of
from harness.report.numbers import SECONDS, Scale, percent, scale_for
from harness.report.summary import CellSummary, summarise

HEAVIEST = 15
"""So many rows are shown; what is left stands in one more."""
_MAIN = ""


@dataclass(frozen=True, slots=True)
class _Profile:
    """The operators of one variant by row, in seconds per inference."""

    cell: CellSummary
    column: str
    times_s: Mapping[str, float]

    @property
    def total_s(self) -> float:
        return fsum(self.times_s.values())

    def share(self, row: str) -> float:
        return self.times_s.get(row, 0.0) / self.total_s if self.total_s else 0.0


def operator_tables(
    folders: Sequence[ResultFolder], only: Callable[[Cell], bool] | None = None
) -> tuple[Table, ...]:
    """Return a table per model, file and target with a profiled run: a column per variant.

    Rows are single operators where all variants ran the same ones, else types of operators;
    the heaviest in any variant comes first.

    Raises:
        SuiteError: no run of these folders timed its operators.
        CompareError: the runs of one cell were measured under different settings.
    """
    found = profiled_tables(folders, only)
    if not found:
        raise SuiteError(
            "no run of these results timed its operators",
            hint="add `profile: ops` to the `sampling:` of the suite or of a target; "
            "Coverage says why a run that was asked for has none",
        )
    return found


def profiled_tables(
    folders: Sequence[ResultFolder], only: Callable[[Cell], bool] | None = None
) -> tuple[Table, ...]:
    """Return what `operator_tables` returns, () where no run timed its operators."""
    groups: dict[tuple[str, str, str, bool], list[CellSummary]] = {}
    for cell in summarise(folders):
        if _operators(cell) and (only is None or only(cell.cell)):
            key = (cell.cell.model, cell.cell.file, cell.cell.target, cell.virtual)
            groups.setdefault(key, []).append(cell)
    return tuple(_table(cells) for cells in groups.values())


def _operators(cell: CellSummary) -> tuple[OperatorTime, ...]:
    """Return the operators of the main graph; a delegate's inner ones are within their node."""
    one_pass = cell.extra.get("ops")
    outcomes = [run.outcome for run in one_pass.measured] if one_pass else []
    found = next((o.operators for o in outcomes if isinstance(o, Measured)), ())
    return tuple(each for each in found if each.graph != "delegate")


def _table(cells: Sequence[CellSummary]) -> Table:
    singly = _same_operators(cells)
    profiles = _profiles(cells, singly=singly)
    rows = _heaviest(profiles)
    shown, rest = rows[:HEAVIEST], rows[HEAVIEST:]
    times = [
        profile.times_s[row] for profile in profiles for row in shown if row in profile.times_s
    ]
    scale = scale_for(times, SECONDS)
    first = cells[0].cell
    named = " ".join(part for part in (first.model, first.file) if part)
    return Table(
        name="operators",
        title=f"Operators: {named} on {first.target}, time per inference",
        columns=(
            Column("operator", "operator" if singly else "type of operator"),
            *(column for profile in profiles for column in _columns(profile, scale)),
        ),
        rows=tuple(_rows(profiles, shown, rest, scale)),
        notes=(*_notes(cells, singly=singly), *notes.provenance(cells)),
        section=section_of(cells),
    )


def _same_operators(cells: Sequence[CellSummary]) -> bool:
    """Tell whether every variant ran the same operators by type and name, each once."""
    lists = [[(each.type, each.name) for each in _operators(cell)] for cell in cells]
    return len({frozenset(each) for each in lists}) == 1 and all(
        len(set(each)) == len(each) for each in lists
    )


def _profiles(cells: Sequence[CellSummary], *, singly: bool) -> list[_Profile]:
    several = len({cell.session_name for cell in cells}) > 1
    found = []
    for cell in cells:
        times: dict[str, list[float]] = {}
        for each in _operators(cell):
            row = f"{each.type} {each.name}" if singly else each.type
            times.setdefault(row, []).append(each.mean_s)
        column = f"{cell.session_name} {cell.cell.variant}" if several else cell.cell.variant
        found.append(_Profile(cell, column, {row: fsum(parts) for row, parts in times.items()}))
    return found


def _heaviest(profiles: Sequence[_Profile]) -> list[str]:
    rows = dict.fromkeys(row for profile in profiles for row in profile.times_s)
    return sorted(rows, key=lambda row: -max(profile.share(row) for profile in profiles))


def _columns(profile: _Profile, scale: Scale) -> tuple[Column, Column]:
    name = profile.column
    return (
        Column(f"time:{name}", name, scale.unit, "right"),
        Column(f"share:{name}", f"{name} share", "", "right"),
    )


def _rows(
    profiles: Sequence[_Profile], shown: Sequence[str], rest: Sequence[str], scale: Scale
) -> Iterable[tuple[TableValue, ...]]:
    for row in shown:
        yield (row, *_figures(profiles, [row], scale))
    if rest:
        yield (f"{len(rest)} others", *_figures(profiles, rest, scale))
    yield ("all", *_figures(profiles, [*shown, *rest], scale))


def _figures(
    profiles: Sequence[_Profile], rows: Sequence[str], scale: Scale
) -> Iterable[TableValue]:
    for profile in profiles:
        present = [row for row in rows if row in profile.times_s]
        if not present:
            yield from (None, None)
            continue
        share = fsum(profile.share(row) for row in present)
        yield scale.figure(fsum(profile.times_s[row] for row in present))
        yield Figure(round(share, 6), percent(share))


def _notes(cells: Sequence[CellSummary], *, singly: bool) -> Iterable[str]:
    yield (
        "Mean per inference of one profiled run of its own; the profiler slows the run, so these "
        "times stand beside no latency. –: that variant runs no such operator."
    )
    if not singly:
        yield (
            "The variants do not run the same operators (a delegate renames and merges them): "
            "compare types, not single ones."
        )
    if any(each.graph == "delegate" for cell in cells for each in _inner(cell)):
        yield "What a delegate's node does inside is in raw/, and in that node's time here."


def _inner(cell: CellSummary) -> tuple[OperatorTime, ...]:
    outcomes = [run.outcome for run in cell.extra["ops"].measured]
    return next((o.operators for o in outcomes if isinstance(o, Measured)), ())
