"""The blocks that a lane adds to its plan while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import RunResult
from harness.plan import Lane, PlannedRun
from harness.retries import added_runs, blocks_due


class AddedBlocks:
    """Knows which blocks were spoilt, before this session was resumed as well."""

    def __init__(self, lane: Lane, stored: Sequence[RunResult], seed: int, most: int) -> None:
        self._lane = lane
        self._runs = list(stored)
        self._seed = seed
        self._most = most
        self._added = blocks_due(self._runs, most)
        self._last_order = max((run.order for run in (*lane.runs, *lane.prototypes)), default=0)

    def after(self, result: RunResult) -> tuple[PlannedRun, ...]:
        """Return the runs to add because of how a run ended, usually none."""
        self._runs.append(result)
        due = blocks_due(self._runs, self._most)
        runs = added_runs(
            self._lane.prototypes, due, self._seed, added=self._added, after=self._last_order
        )
        self._added = due
        self._last_order += len(runs)
        return runs
