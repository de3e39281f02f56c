"""The cold-start table: what a fresh process or page spends until its first result."""

from __future__ import annotations

from collections.abc import Sequence

from harness.metrics import METRICS
from harness.model import Column, Table, TableValue
from harness.report import notes
from harness.report.layout import absences, left_out, section_of
from harness.report.metric_values import COLD_START, MetricSummary
from harness.report.numbers import SECONDS, Scale, count, scale_for
from harness.report.ran_as import VariantLabels, ran_as_notes
from harness.report.summary import CellSummary

_HEADERS = {
    "init": "init",
    "load": "load",
    "first_inference": "first inference",
    "time_to_first_result": "to first result",
}


def cold_start_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return a row per measured cell, or None where no run tells about its start."""
    rows = [cell for cell in cells if cell.latency.measured]
    known = [m for cell in rows for m in cell.cold_start if m.n]
    shown = [name for name in COLD_START if any(m.metric == name for m in known)]
    if not shown:
        return None
    labels = VariantLabels(cells)
    # One unit for all of them: they add up.
    scale = scale_for((metric.median for metric in known), SECONDS)
    return Table(
        name="cold_start",
        title="Cold start: until the first result",
        columns=(
            *labels.columns,
            *(Column(name, _HEADERS[name], scale.unit, "right") for name in shown),
            Column("runs", "n", align="right"),
        ),
        rows=tuple(
            (
                *labels.of(cell),
                *_figures(cell, shown, scale),
            )
            for cell in rows
        ),
        notes=(
            "; ".join(f"{_HEADERS[name]}: {METRICS[name].meaning}" for name in shown)
            + ". Medians over n runs, each with its own fresh start.",
            *absences(rows, lambda cell: cell.cold_start, shown),
            *ran_as_notes(rows),
            *left_out(cells, rows),
            *notes.provenance(cells),
        ),
        section=section_of(cells),
    )


def _figures(cell: CellSummary, shown: Sequence[str], scale: Scale) -> tuple[TableValue, ...]:
    metrics = {metric.metric: metric for metric in cell.cold_start}
    runs = max((metrics[name].n for name in shown), default=0)
    figures = (_figure(metrics[name], scale, runs) for name in shown)
    return (*figures, count(runs, cell.latency.planned))


def _figure(metric: MetricSummary, scale: Scale, runs: int) -> TableValue:
    if not metric.n:
        return None
    figure = scale.figure(metric.median, low=metric.low, high=metric.high)
    if metric.n == runs:
        return figure
    return type(figure)(figure.value, f"{figure.text} (n={metric.n})", figure.low, figure.high)
