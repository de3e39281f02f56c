"""The latency table: a row per cell, with its spread, its speed-up over the baseline, a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import Column, Measured, Table, TableValue
from harness.report import notes
from harness.report.cell_ratios import RatioSummary
from harness.report.layout import section_of
from harness.report.marks import conditions_column, conditions_of, marked_ratios, marked_runs
from harness.report.numbers import SECONDS, Scale, bar, count, ratio, scale_for
from harness.report.outcome_words import in_a_row
from harness.report.ran_as import VariantLabels, ran_as_notes
from harness.report.sampling import sampling_column, sampling_notes, sampling_of
from harness.report.summary import CellSummary
from harness.statistics.paired import NO_INTERVAL

NOT_RUN = "not run (interrupted)"


def latency_table(cells: Sequence[CellSummary]) -> Table:
    """Return a row per cell; one without a number has the reason instead."""
    labels = VariantLabels(cells)
    scale = scale_for((cell.time.median for cell in cells if cell.time), SECONDS)
    slowest = _slowest(cells)
    verdicts = conditions_column([cell.latency for cell in cells])
    sampled = sampling_column(cells)
    return Table(
        name="latency",
        title="Latency: time of one inference",
        columns=(*labels.columns, *_columns(scale, verdicts), *sampled),
        rows=tuple(
            (
                *labels.of(cell),
                *_values(cell, scale),
                *((conditions_of(cell.latency),) if verdicts else ()),
                *_comparison(cell, slowest),
                *((sampling_of(cell),) if sampled else ()),
            )
            for cell in cells
        ),
        notes=(
            (
                "time: median over n runs of each run's p50 or mean (stat); min–max: fastest and "
                "slowest run; bar: time against the slowest row of that model and target."
            ),
            *sampling_notes(cells),
            *ran_as_notes(cells),
            *_baselines(cells),
            *notes.ratio_rule(cells),
            *marked_ratios(cells),
            *marked_runs(cells, "latency"),
            *notes.provenance(cells),
        ),
        section=section_of(cells),
    )


def _columns(scale: Scale, verdicts: tuple[Column, ...]) -> tuple[Column, ...]:
    return (
        Column("statistic", "stat"),
        Column("time", "time", scale.unit, "right"),
        Column("spread", "min–max", scale.unit, "right"),
        Column("runs", "n", align="right"),
        *verdicts,
        Column("speedup", "speed-up", align="right"),
        Column("share", ""),
        Column("verdict", "verdict"),
    )


def why_no_time(cell: CellSummary) -> str:
    """Say in a few words why a cell has no time."""
    if cell.time_absent:
        return f"no value: {cell.time_absent}"
    if not cell.latency.troubled:
        return NOT_RUN
    outcome = cell.latency.troubled[-1].outcome
    assert not isinstance(outcome, Measured)
    return in_a_row(outcome)


def _values(cell: CellSummary, scale: Scale) -> tuple[TableValue, ...]:
    time = cell.time
    if time is None:
        return (None, None, None, count(0, max(cell.latency.planned, 1)))
    return (
        cell.statistic,
        scale.figure(time.median, low=time.low, high=time.high),
        scale.span(time.low, time.high),
        count(time.n, cell.latency.planned),
    )


def _comparison(cell: CellSummary, slowest: dict[tuple[str, ...], float]) -> tuple[TableValue, ...]:
    if cell.time is None:
        return (None, None, why_no_time(cell))
    speedup, verdict = _against_baseline(cell)
    return (speedup, bar(cell.time.median / slowest[_group(cell)]), verdict)


def _against_baseline(cell: CellSummary) -> tuple[TableValue, TableValue]:
    if cell.cell.variant == cell.target.baseline:
        return "baseline", None
    found = _baseline_ratio(cell)
    if found is None:
        return None, None
    if found.estimate is None:
        return None, f"no ratio: {found.reason}"
    return ratio(found.estimate), "no interval" if found.verdict == NO_INTERVAL else found.verdict


def _baseline_ratio(cell: CellSummary) -> RatioSummary | None:
    for found in cell.ratios:
        if found.denominator == cell.target.baseline:
            return found
    return None


def _baselines(cells: Sequence[CellSummary]) -> tuple[str, ...]:
    baselines = {
        cell.cell.target: cell.target.baseline for cell in cells if cell.target.baseline is not None
    }
    if not baselines:
        return ()
    text = ", ".join(f"{name} {variant}" for name, variant in baselines.items())
    return (f"speed-up: over the target's baseline ({text}).",)


def _slowest(cells: Sequence[CellSummary]) -> dict[tuple[str, ...], float]:
    slowest: dict[tuple[str, ...], float] = {}
    for cell in cells:
        if cell.time:
            group = _group(cell)
            slowest[group] = max(slowest.get(group, 0.0), cell.time.median)
    return slowest


def _group(cell: CellSummary) -> tuple[str, ...]:
    return (cell.path, cell.session_name, cell.cell.model, cell.cell.file, cell.cell.target)
