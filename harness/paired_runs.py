"""Which cells of a session are compared with each other, and what their runs say block by block.

Pure, and below both the runner, which adds blocks by it, and the report, which shows it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.model import Cell, Facts, Measured, Measurement, RunResult
from harness.outputs import ORIGINAL

STATISTICS = {"latency_p50": "p50", "latency_mean": "mean"}
"""The metrics that latency is compared by → what tables call them."""

SAME_FOR_A_RATIO = (
    "driver",
    "device",
    "device_hash",
    "cpu_model",
    "os_major",
    "context",
    "timed",
    "warmup_iterations",
    "warmup_seconds",
    "timed_iterations",
    "timed_max_seconds",
    "inputs_sha256",
    "input_shapes",
    "metrics_version",
    "virtual",
    "method",
    "clocks",
)
"""Settings that two variants of a block share; the others are what the variants declare."""

INPUTS = ("inputs_sha256", "input_shapes")
"""Of those, what two models never share."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cells whose ratio the tables of a session show; settings that may differ between them."""

    above: Cell
    below: Cell
    may_differ: tuple[str, ...] = ()


def compared_pairs(
    cells: Collection[Cell],
    ratios: Mapping[str, Sequence[tuple[str, str]]],
    base_model: str | None,
) -> Iterator[Pair]:
    """Return what a suite has compared: variants, files with the fp32 one, models with the base.

    `ratios` is target → (numerator, denominator) variants.
    """
    known = frozenset(cells)
    for cell in cells:
        for numerator, denominator in ratios.get(cell.target, ()):
            other = replace(cell, variant=denominator)
            if numerator == cell.variant and other in known:
                yield Pair(cell, other)
        original = original_of(cell)
        if original in known and original is not None:
            yield Pair(cell, original)
        base = next((each for each in bases_of(cell, base_model) if each in known), None)
        if base is not None:
            yield Pair(cell, base, INPUTS)


def original_of(cell: Cell) -> Cell | None:
    """Return the cell of the file that this one's file is compared with, None for that itself."""
    return None if cell.file == ORIGINAL else replace(cell, file=ORIGINAL)


def bases_of(cell: Cell, base_model: str | None) -> tuple[Cell, ...]:
    """Return the cells of the base model that this one may be compared with, the best first."""
    if base_model is None or cell.model == base_model:
        return ()
    files = dict.fromkeys((cell.file, ORIGINAL))
    return tuple(replace(cell, model=base_model, file=file) for file in files)


def measured_runs(runs: Iterable[RunResult]) -> list[RunResult]:
    """Return the runs that were measured."""
    return [run for run in runs if isinstance(run.outcome, Measured)]


def measurements_of(run: RunResult) -> tuple[Measurement, ...]:
    """Return what a run measured; nothing if it was not measured."""
    return run.outcome.measurements if isinstance(run.outcome, Measured) else ()


def usable_value(run: RunResult, metric: str) -> float | None:
    """Return a run's value of a metric that is finite and, of compared times, above 0."""
    outcome = run.outcome
    for measurement in outcome.measurements if isinstance(outcome, Measured) else ():
        value = measurement.value
        if measurement.metric == metric and value is not None:
            # A time of 0 is below the clock's resolution; no ratio can be formed of it.
            usable = math.isfinite(value) and (value > 0 or metric not in STATISTICS)
            return value if usable else None
    return None


def common_statistic(runs: Sequence[RunResult]) -> str:
    """Return by which metric runs are compared: p50 where all that have a time have it."""
    having = {name: [usable_value(run, name) is not None for run in runs] for name in STATISTICS}
    timed = [any(flags) for flags in zip(*having.values(), strict=True)]
    if having["latency_p50"] == timed or not any(having["latency_mean"]):
        return "latency_p50"
    return "latency_mean"


def differing_settings(one: Facts, other: Facts, same: Iterable[str]) -> list[str]:
    """Name the settings that both know and that differ."""
    return [
        fact
        for fact in same
        if None not in (one.get(fact), other.get(fact)) and one.get(fact) != other.get(fact)
    ]


def log_ratios(
    above: Mapping[tuple[str, int], float], below: Mapping[tuple[str, int], float]
) -> list[float]:
    """Return the log of `below` over `above`, for each block that both have, in its order."""
    return [math.log(below[block] / above[block]) for block in below if block in above]
