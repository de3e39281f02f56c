"""The tables of workloads: where an iteration's time goes, and whether it keeps up with frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum

from harness.metrics import METRICS, stage_metric
from harness.model import Column, Figure, Measured, Table, TableValue
from harness.report import notes
from harness.report.layout import Labels, called, section_of
from harness.report.metric_values import MetricSummary, summary_of
from harness.report.numbers import SECONDS, Scale, count, percent, scale_for, significant
from harness.report.summary import CellSummary

REST = "rest"
WHOLE = "whole iteration"
_MEAN = stage_metric("mean", "")
_PER_SECOND = Scale("1/s", 1.0)


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages of one cell in the order in which they are entered: name → time and share."""

    cell: CellSummary
    whole: MetricSummary
    times: dict[str, MetricSummary]
    shares: dict[str, MetricSummary]

    @property
    def rest(self) -> float:
        return max(0.0, 1 - fsum(share.median for share in self.shares.values() if share.n))


def stages_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return a row per measured cell and stage, or None where no run has stages."""
    found = [stages for cell in cells if (stages := _stages(cell)).times]
    if not found:
        return None
    rows = [stages.cell for stages in found]
    labels = Labels(rows)
    scale = scale_for(
        (time.median for stages in found for time in stages.times.values() if time.n), SECONDS
    )
    return Table(
        name="stages",
        title="Stages: where the time of an iteration goes",
        columns=(
            *labels.columns,
            Column("variant", "variant"),
            Column("stage", "stage"),
            Column("time", "time", scale.unit, "right"),
            Column("range", "min–max", scale.unit, "right"),
            Column("share", "share", align="right"),
            Column("runs", "n", align="right"),
        ),
        rows=tuple(row for stages in found for row in _rows(stages, labels, scale)),
        notes=(
            (
                "time: median over n runs of each run's mean time in the stage, per iteration; "
                f"share: of the mean of the whole iteration. {REST}: outside every stage, and in "
                "stages too short for the clock."
            ),
            *_too_short(found),
            *notes.provenance(cells),
        ),
        section=section_of(rows),
    )


def _stages(cell: CellSummary) -> _Stages:
    runs = cell.latency.measured
    names = dict.fromkeys(
        measurement.metric.removeprefix(_MEAN)
        for run in runs
        if isinstance(run.outcome, Measured)
        for measurement in run.outcome.measurements
        if measurement.metric.startswith(_MEAN)
    )
    return _Stages(
        cell=cell,
        whole=summary_of("latency_mean", runs),
        times={name: summary_of(stage_metric("mean", name), runs) for name in names},
        shares={name: summary_of(stage_metric("share", name), runs) for name in names},
    )


def _rows(stages: _Stages, labels: Labels, scale: Scale) -> Iterable[tuple[TableValue, ...]]:
    cell = stages.cell
    named = (*labels.of(cell), cell.cell.variant)
    for name, time in stages.times.items():
        share = stages.shares[name]
        yield (*named, name, *_time(time, scale), _share(share), count(time.n, stages.whole.n))
    whole = stages.whole
    yield (*named, REST, None, None, _percent(stages.rest), count(whole.n))
    yield (*named, WHOLE, *_time(whole, scale), _percent(1.0), count(whole.n))


def _time(time: MetricSummary, scale: Scale) -> tuple[TableValue, TableValue]:
    if not time.n:
        return (None, None)
    return (
        scale.figure(time.median, low=time.low, high=time.high),
        scale.span(time.low, time.high),
    )


def _share(share: MetricSummary) -> TableValue:
    return _percent(share.median) if share.n else None


def _percent(share: float) -> Figure:
    return Figure(round(share, 6), percent(share))


def _too_short(found: Sequence[_Stages]) -> tuple[str, ...]:
    cells = [stages.cell for stages in found]
    places: dict[tuple[str, str], list[str]] = {}
    for stages in found:
        cell = stages.cell
        place = f"{called(cell, cells)} on {cell.cell.target}/{cell.cell.variant}"
        for name, time in stages.times.items():
            for reason in time.absent:
                places.setdefault((name, reason), []).append(place)
    return tuple(
        f"No time of {name}: {reason} ({', '.join(where)})."
        for (name, reason), where in places.items()
    )


def frames_table(cells: Sequence[CellSummary]) -> Table | None:
    """Return a row per cell of a workload: iterations per second, and frames dropped."""
    rates = [(cell, summary_of("iteration_rate", cell.latency.measured)) for cell in cells]
    found = [(cell, rate) for cell, rate in rates if rate.n]
    if not found:
        return None
    rows = [cell for cell, _ in found]
    labels = Labels(rows)
    return Table(
        name="frames",
        title="Frames: how many a second, and how many are dropped",
        columns=(
            *labels.columns,
            Column("variant", "variant"),
            Column("rate", "back to back", _PER_SECOND.unit, "right"),
            Column("due", "source", _PER_SECOND.unit, "right"),
            Column("dropped", "dropped", align="right"),
            Column("runs", "n", align="right"),
        ),
        rows=tuple(_frames_row(cell, rate, labels) for cell, rate in found),
        notes=(
            (
                f"back to back: {METRICS['iteration_rate'].meaning}. dropped: "
                f"{METRICS['dropped_frames'].meaning}, after the timed iterations; –: the suite "
                "asks for no schedule. Medians over n runs."
            ),
            *notes.provenance(cells),
        ),
        section=section_of(rows),
    )


def _frames_row(cell: CellSummary, rate: MetricSummary, labels: Labels) -> tuple[TableValue, ...]:
    return (
        *labels.of(cell),
        cell.cell.variant,
        _PER_SECOND.figure(rate.median, low=rate.low, high=rate.high),
        _source(cell),
        _share(summary_of("dropped_frames", cell.latency.measured)),
        count(rate.n, cell.latency.planned),
    )


def _source(cell: CellSummary) -> TableValue:
    known = [
        value
        for value in cell.observed("schedule_frames_per_second")
        if isinstance(value, int | float)
    ]
    return Figure(float(known[0]), significant(known[0])) if known else None
