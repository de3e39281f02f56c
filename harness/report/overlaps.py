"""Whether a bench ever measured two things at once, told from recorded times alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from operator import itemgetter

from harness.model import RunResult, Skipped

# `started_utc` is written in whole milliseconds, cut off.
_RESOLUTION = timedelta(milliseconds=1)


def overlapping(runs: Iterable[RunResult]) -> tuple[tuple[RunResult, RunResult], ...]:
    """Return every pair of runs that followed each other on one bench and overlapped in time."""
    benches: dict[str, list[tuple[datetime, datetime, RunResult]]] = {}
    for run in runs:
        if not isinstance(run.outcome, Skipped):
            start = datetime.fromisoformat(run.started_utc)
            end = start + timedelta(seconds=run.duration_s)
            benches.setdefault(run.bench, []).append((start, end, run))
    return tuple(
        (earlier, later)
        for made in benches.values()
        for (_, end, earlier), (start, _, later) in pairwise(sorted(made, key=itemgetter(0, 1)))
        if start + _RESOLUTION < end
    )


def side_by_side(runs: Iterable[RunResult]) -> float:
    """Return how many benches measured at once, on average while any did; 0.0 without runs."""
    spans = [
        (datetime.fromisoformat(run.started_utc).timestamp(), run.duration_s)
        for run in runs
        if not isinstance(run.outcome, Skipped)
    ]
    busy_s, reached = 0.0, float("-inf")
    for start, duration_s in sorted(spans):
        end = start + duration_s
        busy_s += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return sum(duration_s for _, duration_s in spans) / busy_s if busy_s else 0.0
