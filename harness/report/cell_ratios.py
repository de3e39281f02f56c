"""The ratios of two cells of one folder, block by block: what may be compared, and how."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.model import Cell, RunResult, Scalar, SessionRecord, TargetRecord
from harness.paired_runs import (
    INPUTS,
    SAME_FOR_A_RATIO,
    bases_of,
    differing_settings,
    log_ratios,
    measured_runs,
    original_of,
)
from harness.report.metric_values import MetricSummary, RunsOf
from harness.statistics.paired import RatioEstimate, Verdict, paired_ratio, verdict

MARKED = ("throttled", "noisy")
"""Verdicts whose runs keep their numbers and are shown as marked."""


@dataclass(frozen=True, slots=True)
class RatioSummary:
    """A declared ratio of one cell: time of `denominator` over time of `numerator`.

    Both name variants, or both name files of one variant. `estimate` is None where there is
    nothing to compare; `reason` then says why. `marked_blocks` counts the blocks in which a run
    of either side is marked. `family` is how many ratios share the verdict by Holm's rule, 0 where
    each is judged alone.
    """

    numerator: str
    denominator: str
    estimate: RatioEstimate | None = None
    verdict: Verdict | None = None
    reason: str = ""
    marked_blocks: int = 0
    family: int = 0


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that a ratio compares: what it is called, its times, and its runs."""

    name: str
    time: MetricSummary | None
    runs: Sequence[RunResult]


def declared_ratios(
    cell: Cell,
    target: TargetRecord,
    times: Mapping[Cell, MetricSummary],
    runs_of: RunsOf,
) -> tuple[RatioSummary, ...]:
    """Return the ratios of a target that have this cell as numerator."""
    found = []
    for numerator, denominator in target.ratios:
        if numerator != cell.variant:
            continue
        other = Cell(cell.model, cell.file, cell.target, denominator)
        found.append(_ratio((cell, numerator), (other, denominator), target, times, runs_of))
    return tuple(found)


def over_original(
    cell: Cell, target: TargetRecord, times: Mapping[Cell, MetricSummary], runs_of: RunsOf
) -> RatioSummary | None:
    """Return this file over the fp32 file of the same variant, None where there is no other."""
    other = original_of(cell)
    if other is None or not any(one == other for one, _ in runs_of):
        return None
    return _ratio((cell, cell.file), (other, other.file), target, times, runs_of)


def over_base(
    cell: Cell,
    session: SessionRecord,
    target: TargetRecord,
    times: Mapping[Cell, MetricSummary],
    runs_of: RunsOf,
) -> RatioSummary | None:
    """Return this model over the suite's base model, None where it has none."""
    others = bases_of(cell, session.base_model)
    other = next((each for each in others if any(one == each for one, _ in runs_of)), None)
    if other is None:
        return None
    names = (cell, cell.model), (other, other.model)
    return _ratio(*names, target, times, runs_of, may_differ=INPUTS)


def _ratio(
    above: tuple[Cell, str],
    below: tuple[Cell, str],
    target: TargetRecord,
    times: Mapping[Cell, MetricSummary],
    runs_of: RunsOf,
    *,
    may_differ: Collection[str] = (),
) -> RatioSummary:
    """Compare two cells of a target, each with the name that the ratio calls it by."""
    ours, theirs = (
        Side(name, times.get(cell), runs_of.get((cell, "latency"), ()))
        for cell, name in (above, below)
    )
    same = [fact for fact in SAME_FOR_A_RATIO if fact not in may_differ]
    return ratio_between(ours, theirs, min_effect=target.min_effect, same=same)


def ratio_between(
    above: Side, below: Side, *, min_effect: float, same: Sequence[str] = SAME_FOR_A_RATIO
) -> RatioSummary:
    """Compare two sides block by block: the time of `below` over that of `above`.

    `same` are the settings that both must share.
    """
    reason = _why_not_comparable(above, below, same)
    if reason or above.time is None or below.time is None:
        return RatioSummary(above.name, below.name, reason=reason)
    theirs, ours = dict(below.time.by_block), dict(above.time.by_block)
    logs = log_ratios(ours, theirs)
    if not logs:
        return RatioSummary(above.name, below.name, reason="no block in which both were measured")
    estimate = paired_ratio(logs)
    judged = verdict(estimate, min_effect)
    marked = _marked_blocks((*above.runs, *below.runs)) & theirs.keys() & ours.keys()
    return RatioSummary(above.name, below.name, estimate, judged, marked_blocks=len(marked))


def _marked_blocks(runs: Iterable[RunResult]) -> set[tuple[str, int]]:
    return {(run.bench, run.block) for run in runs if verdict_of(run) in MARKED}


def _why_not_comparable(above: Side, below: Side, same: Sequence[str]) -> str:
    for side in (above, below):
        if side.time is None:
            return f"{side.name} has no time here"
    if above.time and below.time and above.time.metric != below.time.metric:
        return "two statistics"
    ours, theirs = (measured_runs(side.runs)[0].setting for side in (above, below))
    differing = differing_settings(ours, theirs, same)
    return f"not comparable: {', '.join(differing)} differ" if differing else ""


def verdict_of(run: RunResult) -> str:
    """Return the verdict on a run's conditions, '' where it is not known."""
    return str(run.conditions.get("verdict") or "")


def distinct(values: Iterable[Scalar]) -> tuple[Scalar, ...]:
    """Return each known value once, in order."""
    return tuple(dict.fromkeys(value for value in values if value is not None))
