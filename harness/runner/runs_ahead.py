"""The runs that a lane has before it, where their number is fixed: those planned, then those added.

`harness.runner.sampled_runs` has those of a session that looks at its intervals.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from harness.model import RunResult
from harness.plan import Lane, PlannedRun
from harness.retries import RetryPolicy
from harness.runner.added_blocks import AddedBlocks
from harness.runner.events import BlockAdded, Event


class RunsAhead(Protocol):
    """What a lane asks for its next run, and tells what became of it."""

    def next(self, *, more: bool) -> PlannedRun | None:
        """Return the next run, None when all are made; unless `more`, no further look begins."""

    def after(self, result: RunResult) -> None:
        """Take in how a run ended, or that it was skipped."""

    @property
    def left(self) -> tuple[PlannedRun, ...]:
        """The runs that are ahead for certain."""


class FixedRuns:
    """Runs as they were planned, with blocks added behind them."""

    def __init__(
        self,
        lane: Lane,
        stored: Sequence[RunResult],
        seed: int,
        policy: RetryPolicy,
        emit: Callable[[Event], None],
    ) -> None:
        self._queue = deque(lane.runs)
        self._blocks = AddedBlocks(lane, stored, seed, policy)
        self._emit = emit

    def next(self, *, more: bool) -> PlannedRun | None:  # noqa: ARG002  here nothing is looked at
        """Return the next run, None when all are made."""
        return self._queue.popleft() if self._queue else None

    def after(self, result: RunResult) -> None:
        """Add the blocks that the end of a run calls for."""
        for added in self._blocks.after(result):
            self._queue.extend(added.runs)
            cell = result.cell
            self._emit(BlockAdded(cell.target, cell.model, len(added.runs), added.why))

    @property
    def left(self) -> tuple[PlannedRun, ...]:
        """The runs that are ahead."""
        return tuple(self._queue)
