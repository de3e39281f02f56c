"""What two builds did in the same blocks: from the summaries of a folder to pairs of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import TypeAlias

from harness.gate.twins import Twins
from harness.model import Cell, Failed, RunResult, Scalar, Skipped
from harness.paired_runs import SAME_FOR_A_RATIO, STATISTICS
from harness.report.metric_values import MetricSummary, summary_of
from harness.report.summary import CellSummary
from harness.suite.gate_keys import GateKeys
from harness.twin_names import SIDES, Side

LATENCY = "latency"

Key: TypeAlias = tuple[Cell, str, Side]
"""What is judged: a cell of the suite, latency or a metric of memory, and against which build."""

Summaries: TypeAlias = Mapping[Cell, CellSummary]


@dataclass(frozen=True, slots=True)
class Pairs:
    """One thing of one cell, beside another build of it.

    `logs` has the logarithm of candidate over other build for each block that has both; `before`
    and `now` are the medians over their runs. `why_not` says why there are no pairs, `lost` that
    the candidate has no value where the other build has one, though it runs. A change of
    `look_again` is looked at twice whatever its p, and is too far from the reference;
    `is_reference` tells that the other build is the reference too.
    """

    what: str
    unit: str
    threshold: float
    before: float | None = None
    now: float | None = None
    logs: tuple[float, ...] = ()
    why_not: str = ""
    lost: bool = False
    look_again: float = 0.0
    is_reference: bool = False


def pairs_of(found: Summaries, twins: Twins, keys: GateKeys) -> dict[Key, Pairs]:
    """Return everything in which a cell and a twin of it can be compared."""
    pairs: dict[Key, Pairs] = {}
    for side in SIDES:
        for own, other in twins.of.get(side, {}).items():
            last_good, reference = (twins.cell(own, each) for each in SIDES)
            both = last_good == reference
            if own not in found or other not in found or (side == "reference" and both):
                continue
            for each in _of_cells(found[own], found[other], keys):
                pairs[own, each.what, side] = replace(each, is_reference=both)
    return pairs


def _of_cells(own: CellSummary, other: CellSummary, keys: GateKeys) -> Iterator[Pairs]:
    least = own.target.min_effect if keys.latency is None else keys.latency
    ours, others = own.latency.measured, other.latency.measured
    name = _statistic(ours, others)
    yield _pairs(
        (LATENCY, least, max(least, keys.max_drift)),
        (summary_of(name, ours), ours),
        (summary_of(name, others), others),
    )
    runs, theirs = own.memory.measured, other.memory.measured
    methods = (metric.metric for metric in (*own.memory_metrics, *other.memory_metrics))
    for method in dict.fromkeys(methods):
        least = keys.of_memory(method)
        found = _pairs(
            (method, least, max(least, keys.max_drift)),
            (summary_of(method, runs), runs),
            (summary_of(method, theirs), theirs),
        )
        lost = found.now is None and found.before is not None and bool(ours)
        yield replace(found, lost=lost, why_not=_why_lost(own) if lost else found.why_not)


def _why_lost(cell: CellSummary) -> str:
    told = failures_told(cell.memory.troubled)
    return f"the last good build has a value: {told}" if told else "the last good build has a value"


def _statistic(*sides: Iterable[RunResult]) -> str:
    """Return the median where all runs of both have it, else the mean."""
    runs = [run for side in sides for run in side]
    preferred = next(iter(STATISTICS))
    return preferred if summary_of(preferred, runs).n == len(runs) else "latency_mean"


def _pairs(
    judged: tuple[str, float, float],
    own: tuple[MetricSummary, tuple[RunResult, ...]],
    other: tuple[MetricSummary, tuple[RunResult, ...]],
) -> Pairs:
    what, threshold, look_again = judged
    (ours, our_runs), (theirs, their_runs) = own, other
    unit = "s" if what == LATENCY else "B"
    now = median(ours.values) if ours.n else None
    before = median(theirs.values) if theirs.n else None
    differ = _settings_differ(our_runs, their_runs)
    blocks = dict(theirs.by_block)
    both = [(value, blocks[block]) for block, value in ours.by_block if block in blocks]
    if not both:
        why = "no block has both builds" if ours.n else "tonight's build has no value"
        return Pairs(what, unit, threshold, before, now, why_not=why)
    if differ or any(not (a > 0 and b > 0) for a, b in both):
        why = f"they were measured under different settings: {differ}" if differ else "a value is 0"
        return Pairs(what, unit, threshold, before, now, why_not=why)
    logs = tuple(math.log(a / b) for a, b in both)
    return Pairs(what, unit, threshold, before, now, logs, look_again=look_again)


def _settings_differ(ours: tuple[RunResult, ...], theirs: tuple[RunResult, ...]) -> str:
    """Name the settings in which the runs of two builds differ, '' if they may be compared."""
    if not ours or not theirs:
        return ""
    one, other = ours[0].setting, theirs[0].setting

    def differs(fact: str) -> bool:
        a, b = one.get(fact), other.get(fact)
        return a is not None and b is not None and a != b

    return ", ".join(fact for fact in SAME_FOR_A_RATIO if differs(fact))


def failures_told(runs: Iterable[RunResult]) -> str:
    """Return what the first of these runs that has no numbers said, '' if all have."""
    for run in runs:
        if isinstance(run.outcome, Failed | Skipped):
            return f"{run.outcome.failure.kind}: {run.outcome.failure.message}"
    return ""


def nodes_of(cell: CellSummary) -> str:
    """Return `N of M` nodes that the delegate of a cell took, '' if nobody tells."""
    for run in cell.latency.measured:
        told: Scalar = run.setting.get("nodes_delegated") or run.proof.observed.get(
            "nodes_delegated"
        )
        if told:
            return str(told)
    return ""
