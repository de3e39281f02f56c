"""What each Wasm variant buys over the plain binary, and what it costs, in one row.

SIMD × and threads × multiply to what a variant gains in all: the first is the step from plain to
SIMD in the variant's own binary with one thread, the second the step from there to its threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.model import Column, Figure, Table, TableValue
from harness.report import notes
from harness.report.cell_ratios import RatioSummary
from harness.report.layout import section_of
from harness.report.marks import marked_among
from harness.report.metric_values import MetricSummary
from harness.report.numbers import BYTES, SECONDS, Scale, ratio, scale_for
from harness.report.ran_as import VariantLabels, ran_as_notes
from harness.report.summary import CellSummary
from harness.report.undeclared_ratios import cell_ratio
from harness.statistics.paired import DifferenceEstimate, paired_difference

_KINDS = ("plain", "simd", "threaded-simd")
_FIRST_RESULT = "time_to_first_result"
_MEMORY = {
    "renderer_uss": "renderer USS",
    "meminfo_pss": "PSS (meminfo)",
    "wasm_heap": "Wasm heap",
}
"""Methods, the most telling first: a change is of the first one that both sides have."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The Wasm cells of one model on one target, by what was seen to run."""

    cells: tuple[CellSummary, ...]

    def first(self, wasm: str, threads: int = 1) -> CellSummary | None:
        for cell in self.cells:
            if _wasm(cell) == wasm and cell.observed("threads") == (threads,):
                return cell
        return None

    @property
    def base(self) -> CellSummary:
        """The cell that changes are told against: the plainest one."""
        known = (self.first(kind) for kind in _KINDS)
        return next((cell for cell in known if cell), self.cells[0])

    def simd(self, cell: CellSummary) -> RatioSummary | None:
        plain = self.first("plain")
        stepped = cell
        if _threads(cell) > 1:
            stepped = self.first("threaded-simd") or self.first("simd") or cell
        if plain is None or _wasm(cell) == "plain" or _threads(stepped) > 1:
            return None
        return cell_ratio(stepped, plain)

    def threads(self, cell: CellSummary) -> RatioSummary | None:
        one = self.first("threaded-simd") or self.first("simd")
        return cell_ratio(cell, one) if one and _threads(cell) > 1 else None

    def first_result(self, cell: CellSummary) -> DifferenceEstimate | None:
        ours, theirs = (_metric(each.cold_start, _FIRST_RESULT) for each in (cell, self.base))
        if cell is self.base or ours is None or theirs is None:
            return None
        before = dict(theirs.by_block)
        changes = [value - before[block] for block, value in ours.by_block if block in before]
        return paired_difference(changes) if changes else None

    def memory(self, cell: CellSummary) -> tuple[str, float] | None:
        """Return the change of the median by the first method that both have."""
        if cell is self.base:
            return None
        for name in _MEMORY:
            ours, theirs = (_metric(each.memory_metrics, name) for each in (cell, self.base))
            if ours is not None and theirs is not None:
                return name, ours.median - theirs.median
        return None


def buys_and_costs_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return a row per Wasm variant; None where no target has two of them."""
    groups = [group for group in _groups(cells) if len(group.cells) > 1]
    rows = [(group, cell) for group in groups for cell in group.cells]
    if not rows:
        return None
    shown = [cell for _, cell in rows]
    labels = VariantLabels(shown)
    changes = [(c.estimate, c.low, c.high) for g, cell in rows if (c := g.first_result(cell))]
    fields = [*_ratio_fields(), *_cost_fields(rows, [abs(change[0]) for change in changes])]
    return Table(
        name="buys_and_costs",
        title="What each Wasm variant buys and costs",
        columns=(
            *labels.columns,
            *(column for column, _ in fields),
        ),
        rows=tuple(
            (
                *labels.of(cell),
                *(value(group, cell) for _, value in fields),
            )
            for group, cell in rows
        ),
        notes=(
            *_meaning(rows),
            *ran_as_notes(shown),
            *marked_among(list(_ratios(rows))),
            *notes.provenance(shown),
        ),
        section=section_of(shown),
    )


_Field = tuple[Column, Callable[[_Group, CellSummary], TableValue]]


def _ratio_fields() -> Iterator[_Field]:
    yield Column("simd", "SIMD ×", align="right"), _simd
    yield (
        Column("threads", "threads ×", align="right"),
        lambda group, cell: _estimated(group.threads(cell)),
    )


def _simd(group: _Group, cell: CellSummary) -> TableValue:
    return "base" if cell is group.base else _estimated(group.simd(cell))


def _estimated(found: RatioSummary | None) -> Figure | None:
    return ratio(found.estimate) if found and found.estimate else None


def _cost_fields(
    rows: Sequence[tuple[_Group, CellSummary]], changes: Sequence[float]
) -> Iterator[_Field]:
    if changes:
        seconds = scale_for(changes, SECONDS)
        yield (
            Column("first_result", "first result", seconds.unit, "right"),
            lambda group, cell: _change(group.first_result(cell), seconds),
        )
    memory = [found for group, cell in rows if (found := group.memory(cell))]
    for name in _MEMORY:
        sizes = [abs(change) for method, change in memory if method == name]
        if sizes:
            yield _memory_field(name, scale_for(sizes, BYTES))
    served = [size for _, cell in rows for size in _served(cell)]
    if served:
        scale = scale_for(served, BYTES)
        yield (
            Column("wasm_bytes", ".wasm served", scale.unit, "right"),
            lambda _, cell: next((scale.figure(size) for size in _served(cell)), None),
        )
    yield Column("isolation", "must be isolated"), lambda _, cell: _isolation(cell)


def _memory_field(name: str, scale: Scale) -> _Field:
    def value(group: _Group, cell: CellSummary) -> Figure | None:
        found = group.memory(cell)
        return scale.change(found[1]) if found and found[0] == name else None

    return Column(f"change_{name}", _MEMORY[name], scale.unit, "right"), value


def _change(found: DifferenceEstimate | None, scale: Scale) -> Figure | None:
    if found is None:
        return None
    return scale.change(found.estimate, low=found.low, high=found.high)


def _served(cell: CellSummary) -> Iterator[float]:
    for size in cell.observed("wasm_bytes"):
        if isinstance(size, int):
            yield float(size)


def _isolation(cell: CellSummary) -> str | None:
    """Shared memory is what browsers ask isolation for; whether it was used was seen."""
    shared = cell.observed("wasm_heap_shared")
    return ("yes" if True in shared else "no") if shared else None


def _groups(cells: Sequence[CellSummary]) -> Iterator[_Group]:
    groups: dict[tuple[str, str, str, str], list[CellSummary]] = {}
    for cell in cells:
        own = cell.cell
        if cell.time and _wasm(cell) in _KINDS:
            groups.setdefault((cell.path, own.model, own.file, own.target), []).append(cell)
    yield from (_Group(tuple(each)) for each in groups.values())


def _wasm(cell: CellSummary) -> str:
    return str(next(iter(cell.observed("wasm")), ""))


def _threads(cell: CellSummary) -> int:
    return next((count for count in cell.observed("threads") if isinstance(count, int)), 1)


def _metric(metrics: Sequence[MetricSummary], name: str) -> MetricSummary | None:
    return next((metric for metric in metrics if metric.metric == name and metric.n), None)


def _ratios(rows: Sequence[tuple[_Group, CellSummary]]) -> Iterator[RatioSummary]:
    for group, cell in rows:
        yield from (found for found in (group.simd(cell), group.threads(cell)) if found)


def _meaning(rows: Sequence[tuple[_Group, CellSummary]]) -> Iterator[str]:
    yield (
        "×: the time before divided by the time after, block by block, with its 95 % interval from "
        "6 blocks on. SIMD ×: from plain to this binary with one thread, or without such a row to "
        "the SIMD binary; threads ×: from there to these threads. Both together are the speed-up "
        "over plain."
    )
    yield (
        "first result: change of init, load and first inference together over the base, block by "
        "block; memory: change of the median of runs of their own, by the method in the header."
    )
    yield (
        "must be isolated: its Wasm memory was shared, which browsers allow pages that are "
        "cross-origin isolated (COOP and COEP headers)."
    )
    bases = dict.fromkeys(f"{g.base.cell.target} {g.base.cell.variant}" for g, _ in rows)
    yield f"Base: {', '.join(bases)}."
    reasons = dict.fromkeys(found.reason for found in _ratios(rows) if found.reason)
    yield from (f"No ratio: {reason}." for reason in reasons)
