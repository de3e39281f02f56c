"""What runs say about one metric: a value per run, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TypeAlias

from harness.metrics import METRICS
from harness.model import Cell, Pass, RunResult
from harness.paired_runs import (
    STATISTICS,
    common_statistic,
    measured_runs,
    measurements_of,
    usable_value,
)

RunsOf: TypeAlias = Mapping[tuple[Cell, Pass], Sequence[RunResult]]

_PREFERRED = next(iter(STATISTICS))
COLD_START = ("init", "load", "first_inference", "time_to_first_result")


@dataclass(frozen=True)  # without slots: what is cached needs a place
class MetricSummary:
    """One metric of one cell over its runs, in SI units; `by_block` is in block order.

    `absent` holds the reasons that runs gave for not having it.
    """

    metric: str
    by_block: tuple[tuple[tuple[str, int], float], ...]
    absent: tuple[str, ...] = ()

    @cached_property
    def values(self) -> tuple[float, ...]:
        return tuple(value for _, value in self.by_block)

    @property
    def is_bytes(self) -> bool:
        """Whether this is memory; metrics that only a driver knows are."""
        known = METRICS.get(self.metric)
        return known is None or known.unit == "B"

    @property
    def n(self) -> int:
        return len(self.by_block)

    @cached_property
    def median(self) -> float:
        return median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


def compared_times(cells: Iterable[Cell], runs_of: RunsOf) -> dict[Cell, MetricSummary]:
    """Summarise latency by p50 where all runs that are compared have it, else by the mean."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.model, cell.target), []).append(cell)
    times: dict[Cell, MetricSummary] = {}
    for group in groups.values():
        measured = {cell: measured_runs(runs_of.get((cell, "latency"), ())) for cell in group}
        found = {cell: _metric(_PREFERRED, runs) for cell, runs in measured.items()}
        if any(found[cell].n < len(runs) for cell, runs in measured.items()):
            statistic = common_statistic([run for runs in measured.values() for run in runs])
            found = {cell: _metric(statistic, runs) for cell, runs in measured.items()}
        times |= {cell: summary for cell, summary in found.items() if summary.n}
    return times


def cold_start_of(runs: Sequence[RunResult]) -> tuple[MetricSummary, ...]:
    """Summarise what measured latency runs say about their start."""
    return tuple(_metric(name, runs) for name in COLD_START) if runs else ()


def memory_of(runs: Sequence[RunResult]) -> tuple[MetricSummary, ...]:
    """Summarise each method of measured memory runs, known methods first, in their order."""
    names = dict.fromkeys(
        measurement.metric
        for run in runs
        for measurement in measurements_of(run)
        if measurement.unit == "B"
    )
    order = list(METRICS)
    known = sorted(names, key=lambda name: order.index(name) if name in METRICS else len(order))
    return tuple(_metric(name, runs) for name in known)


def summary_of(name: str, runs: Sequence[RunResult]) -> MetricSummary:
    """Summarise a metric of measured runs by its name."""
    return _metric(name, runs)


def _metric(name: str, runs: Sequence[RunResult]) -> MetricSummary:
    value_of = _time_to_first_result if name == COLD_START[-1] else usable_value
    by_block = []
    absent: dict[str, None] = {}
    for run in runs:
        value = value_of(run, name)
        if value is not None:
            by_block.append(((run.bench, run.block), value))
            continue
        absent |= dict.fromkeys(
            m.absent for m in measurements_of(run) if m.metric == name and m.absent
        )
    return MetricSummary(name, tuple(by_block), tuple(absent))


def _time_to_first_result(run: RunResult, name: str) -> float | None:
    """Return what a run says of it, else the sum of its parts."""
    if any(m.metric == name and m.value is not None for m in measurements_of(run)):
        return usable_value(run, name)
    parts = [usable_value(run, part) for part in COLD_START[:-1]]
    return None if None in parts else math.fsum(part for part in parts if part is not None)


def reason_without_time(runs: Sequence[RunResult]) -> str:
    """Return the first reason that measured runs gave for having no latency; '' without runs."""
    for name in STATISTICS:
        for reason in _metric(name, runs).absent:
            return reason
    return "these runs report no latency" if runs else ""
