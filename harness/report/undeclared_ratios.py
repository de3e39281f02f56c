"""Ratios of two cells of one folder that no target declares, formed as declared ones are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.model import SessionRecord
from harness.paired_runs import SAME_FOR_A_RATIO
from harness.report.cell_ratios import RatioSummary, Side, ratio_between
from harness.report.metric_values import MetricSummary, summary_of
from harness.report.summary import CellSummary


def cell_ratio(
    cell: CellSummary,
    over: CellSummary,
    *,
    metric: str = "",
    same: Sequence[str] = SAME_FOR_A_RATIO,
) -> RatioSummary:
    """Return how much faster a cell is than another of its folder, block by block.

    `metric` is the time that both are compared by, else what each cell's tables compare; `same`
    are the settings that both must share.
    """
    across = cell.cell.target != over.cell.target
    above, below = (_side(each, metric, across_targets=across) for each in (cell, over))
    least = max(cell.target.min_effect, over.target.min_effect)
    return ratio_between(above, below, min_effect=least, same=same)


def _side(cell: CellSummary, metric: str, *, across_targets: bool) -> Side:
    time = cell.time
    if metric:
        named = summary_of(metric, cell.latency.measured)
        time = named if named.n else None
    if time and across_targets:
        time = of_the_bench(time, cell.session)
    return Side(cell.cell.variant, time, cell.latency.runs)


def of_the_bench(time: MetricSummary, session: SessionRecord) -> MetricSummary:
    """Leave out blocks that failures added: each is of one target, though two have one number."""
    first, last = session.blocks + 1, session.blocks + session.added_blocks
    kept = tuple(each for each in time.by_block if not first <= each[0][1] <= last)
    return replace(time, by_block=kept)
