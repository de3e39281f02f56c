"""The ratio of two matched cells: block by block where they shared blocks, else over all runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.report.outcome_words import invalid_among
from harness.report.summary import CellSummary
from harness.report.undeclared_ratios import of_the_bench
from harness.statistics.paired import RatioEstimate, Verdict, paired_ratio, verdict
from harness.statistics.two_sample import unpaired_ratio


@dataclass(frozen=True, slots=True)
class Compared:
    """The speed-up of one cell over another: `estimate` is None where `reason` says why."""

    estimate: RatioEstimate | None = None
    verdict: Verdict | None = None
    paired: bool = False
    runs: str = ""
    reason: str = ""


def speedup(cell: CellSummary, over: CellSummary) -> Compared:
    """Compare the times of two cells; above 1 means that `cell` is faster."""
    ours, theirs = cell.time, over.time
    if ours is None or theirs is None:
        absent = [each.latency.runs for each in (cell, over) if each.time is None]
        marked = next(filter(None, map(invalid_among, absent)), "")
        return Compared(reason=marked or "no time on one side")
    if ours.metric != theirs.metric:
        return Compared(reason="two statistics")
    if cell.virtual != over.virtual:
        return Compared(reason="a virtual device and a real one")
    least = max(cell.target.min_effect, over.target.min_effect)
    # Models share blocks only where the suite has a base model.
    together = cell.cell.model == over.cell.model or cell.session.base_model is not None
    if cell.path == over.path and together:
        mine, others = ours, theirs
        if cell.cell.target != over.cell.target:
            mine, others = of_the_bench(ours, cell.session), of_the_bench(theirs, over.session)
        blocks = dict(mine.by_block)
        logs = [math.log(time / blocks[b]) for b, time in others.by_block if b in blocks]
        if logs:
            estimate = paired_ratio(logs)
            judged = verdict(estimate, least)
            return Compared(estimate, judged, paired=True, runs=f"{len(logs)} blocks")
    estimate = unpaired_ratio(theirs.values, ours.values)
    return Compared(estimate, verdict(estimate, least), runs=f"{theirs.n} + {ours.n} runs")
