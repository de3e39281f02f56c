"""The memory table: one column per method, since methods measure different quantities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.metrics import METRICS
from harness.model import Column, Figure, Table, TableValue
from harness.report import notes
from harness.report.layout import absences, left_out, section_of
from harness.report.marks import conditions_column, conditions_of, marked_runs
from harness.report.metric_values import MetricSummary
from harness.report.numbers import BYTES, Scale, count, scale_for
from harness.report.planned_memory import PlannedColumns
from harness.report.ran_as import VariantLabels, ran_as_notes
from harness.report.summary import CellSummary

_HEADERS = {
    "tool_footprint": "tool footprint",
    "tool_footprint_init": "tool footprint at init",
    "peak_rss": "peak RSS",
    "peak_rss_delta": "peak RSS above start",
    "vm_hwm": "peak RSS (VmHWM)",
    "pss": "PSS",
    "wasm_heap": "Wasm heap",
    "tf_num_bytes": "tf numBytes",
    "tf_gpu_bytes": "tf numBytesInGPU",
    "renderer_uss": "renderer USS",
    "renderer_pss": "renderer PSS",
    "node_uss": "Node USS",
    "node_pss": "Node PSS",
    "meminfo_pss": "renderer PSS (meminfo)",
}


def memory_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return a row per cell with a measured memory run, or None where there is none."""
    rows = [cell for cell in cells if cell.memory.measured]
    known = {m.metric: None for cell in rows for m in cell.memory_metrics if m.n}
    shown = [*(name for name in METRICS if name in known), *(n for n in known if n not in METRICS)]
    if not shown:
        return None
    labels = VariantLabels(cells)
    verdicts = conditions_column([cell.memory for cell in rows])
    planned = PlannedColumns(rows)
    scales = {name: _scale(rows, name) for name in shown}
    return Table(
        name="memory",
        title="Memory: one column per method, never comparable across columns",
        columns=(
            *labels.columns,
            *(Column(name, _header(name), scales[name].unit, "right") for name in shown),
            Column("runs", "n", align="right"),
            *planned.columns,
            *verdicts,
        ),
        rows=tuple(
            (
                *labels.of(cell),
                *_figures(cell, scales),
                *planned.of(cell),
                *((conditions_of(cell.memory),) if verdicts else ()),
            )
            for cell in rows
        ),
        notes=(
            _meaning(shown),
            *ran_as_notes(rows),
            *planned.notes,
            *absences(rows, lambda cell: cell.memory_metrics, shown),
            *left_out(cells, rows),
            *marked_runs(cells, "memory"),
            *notes.provenance(cells),
        ),
        section=section_of(cells),
    )


def _meaning(shown: Sequence[str]) -> str:
    meanings = (
        f"{_header(name)}: {METRICS[name].meaning}" if name in METRICS else _header(name)
        for name in shown
    )
    return (
        f"{'; '.join(meanings)}. Medians over n runs of their own, never the timed ones, and of "
        "several that differ (least–most)."
    )


def _header(name: str) -> str:
    return _HEADERS.get(name, name)


def _scale(cells: Sequence[CellSummary], name: str) -> Scale:
    values = [m.median for cell in cells for m in cell.memory_metrics if m.metric == name and m.n]
    return scale_for(values, BYTES)


def _figures(cell: CellSummary, scales: dict[str, Scale]) -> tuple[TableValue, ...]:
    metrics = {metric.metric: metric for metric in cell.memory_metrics if metric.n}
    figures = (
        _with_spread(metrics[name], scale) if name in metrics else None
        for name, scale in scales.items()
    )
    return (*figures, count(len(cell.memory.measured), cell.memory.planned))


def _with_spread(metric: MetricSummary, scale: Scale) -> Figure:
    figure = scale.figure(metric.median, low=metric.low, high=metric.high)
    if scale.text(metric.low) == scale.text(metric.high):
        return figure
    return replace(figure, text=f"{figure.text} ({scale.span(metric.low, metric.high)})")
