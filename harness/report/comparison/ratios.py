"""The ratio of two matched cells: block by block where they shared blocks, else over all runs."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from harness.report.family_wise import family_note, left
from harness.report.outcome_words import invalid_among
from harness.report.summary import CellSummary
from harness.report.undeclared_ratios import of_the_bench
from harness.statistics.holm import blocks_needed, holm
from harness.statistics.paired import RatioEstimate, Verdict, paired_ratio, verdict
from harness.statistics.two_sample import runs_needed, unpaired_ratio

_Row = TypeVar("_Row", bound=Hashable)


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


def judged_together(
    rows: Mapping[_Row, Sequence[Compared | None]],
) -> tuple[dict[_Row, list[Compared | None]], list[str]]:
    """Judge all ratios of a comparison as one family by Holm's rule; return the note on it too."""
    p_values = {
        (row, at): each.estimate.p
        for row, ratios in rows.items()
        for at, each in enumerate(ratios)
        if each and each.estimate and each.estimate.low is not None
    }
    adjusted = holm(p_values)
    judged = {
        row: [
            replace(each, verdict=left(each.verdict, adjusted[row, at]))
            if each and (row, at) in adjusted
            else each
            for at, each in enumerate(ratios)
        ]
        for row, ratios in rows.items()
    }
    every = [each for row, at in adjusted if (each := judged[row][at])]
    return judged, _family_notes(every)


def _family_notes(judged: Sequence[Compared]) -> list[str]:
    family = len(judged)
    notes = []
    for paired in (True, False):
        blocks = [e.estimate.blocks for e in judged if e.estimate and e.paired == paired]
        if blocks:
            needed = blocks_needed(family) if paired else runs_needed(family)
            what = "blocks" if paired else "runs a side"
            notes.append(family_note(family, min(blocks), needed, what))
    return notes
