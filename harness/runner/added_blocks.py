"""The blocks that a lane adds to its plan while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.disturbances import replacements_due, replacing_runs
from harness.model import RunResult
from harness.plan import Lane, PlannedRun
from harness.retries import RetryPolicy, added_runs, blocks_due, in_order


@dataclass(frozen=True, slots=True)
class Added:
    """Runs that are added to a lane, and why."""

    runs: tuple[PlannedRun, ...]
    why: str


class AddedBlocks:
    """Knows which blocks were spoilt or disturbed, before this session was resumed as well."""

    def __init__(
        self, lane: Lane, stored: Sequence[RunResult], seed: int, policy: RetryPolicy
    ) -> None:
        self._lane = lane
        self._runs = list(stored)
        self._seed = seed
        self._policy = policy
        self._added = blocks_due(self._runs, policy.added_blocks)
        self._replaced = replacements_due(self._runs, policy.replacing)
        self._last_order = max((run.order for run in (*lane.runs, *lane.prototypes)), default=0)

    def after(self, result: RunResult) -> tuple[Added, ...]:
        """Return what to add because of how a run ended, usually nothing."""
        self._runs.append(result)
        found = (
            Added(self._after_failures(), ""),
            Added(self._after_disturbances(), f"others used the CPU during block {result.block}"),
        )
        return tuple(added for added in found if added.runs)

    def _after_failures(self) -> tuple[PlannedRun, ...]:
        due = blocks_due(self._runs, self._policy.added_blocks)
        runs = added_runs(
            self._lane.prototypes, due, self._seed, added=self._added, after=self._last_order
        )
        self._added = due
        self._last_order += len(runs)
        return runs

    def _after_disturbances(self) -> tuple[PlannedRun, ...]:
        due = replacements_due(self._runs, self._policy.replacing)
        runs = replacing_runs(
            self._lane.prototypes,
            due,
            self._seed,
            self._policy.replacing,
            done=self._replaced,
        )
        self._replaced = due
        self._last_order += len(runs)
        return in_order(runs, after=self._last_order - len(runs))
