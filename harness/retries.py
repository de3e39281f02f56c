"""What is tried again after a failure, and how: by class, as blocks that are added; pure.

Blocks that others disturbed are replaced in the same way, see `harness.disturbances`.

A run is never repeated alone: its block stays incomplete, and a whole block of its model and
target is added in its place. How many blocks are due follows from the runs that were stored, so
a session that is resumed, and a report, find the same ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from harness.disturbances import NOTHING_REPLACED, Replacing, replacements_due, replacing_runs
from harness.model import Cell, Failed, Pass, RunResult, Skipped
from harness.plan import Plan, PlannedRun
from harness.twin_names import own_name

AWAY = frozenset(
    {
        "target-lost",
        "target-not-found",
        "offline",
        "unauthorized",
        "no-permissions",
        "adb-timed-out",
        "recovery",
        "rebooted",
    }
)
"""Classes of failure after which the target itself must be reached again."""

INFRASTRUCTURE = AWAY | {"push-failed", "no-end-marker", "clock-jump", "page-hidden"}
"""Classes of failure that say nothing about what was measured; only these are tried again."""

Group: TypeAlias = tuple[str, str, Pass, Cell | None]
"""What an added block is of: model, target and pass, and the cell where blocks are not paired."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a target that went away is waited for, and how often something is tried again.

    `waits_s` are the pauses between attempts to reach it, `losses_in_a_row` without a run that
    ended by itself put it into quarantine, and at most `added_blocks` are added for each model,
    target and pass. `replacing` is how disturbed blocks are replaced: not at all, if not said.
    """

    waits_s: tuple[float, ...] = (0.5, 1, 2, 4, 8, 15, 30, 30, 30)
    losses_in_a_row: int = 3
    added_blocks: int = 3
    replacing: Replacing = NOTHING_REPLACED


POLICY = RetryPolicy()
"""How sessions retry."""


def group_of(cell: Cell, pass_: Pass) -> Group:
    """Return what a block is of that is added for a run.

    Ratios are formed inside a target, or between it and its twins, and from latency runs alone, so
    a block of latency has every cell of its model and target, and any other pass adds one run of
    its cell.
    """
    return (cell.model, own_name(cell.target), pass_, None if pass_ == "latency" else cell)


def blocks_due(runs: Iterable[RunResult], most: int) -> Mapping[Group, int]:
    """Return how many blocks stored failures call for, at most `most` of each group."""
    spoilt: dict[Group, set[int]] = {}
    for run in runs:
        if isinstance(run.outcome, Failed) and run.outcome.failure.kind in INFRASTRUCTURE:
            spoilt.setdefault(group_of(run.cell, run.pass_), set()).add(run.block)
    return {group: min(len(blocks), most) for group, blocks in spoilt.items()}


def added_runs(
    prototypes: Sequence[PlannedRun],
    due: Mapping[Group, int],
    seed: int,
    *,
    added: Mapping[Group, int] | None = None,
    after: int,
) -> tuple[PlannedRun, ...]:
    """Return the runs of the blocks that are due beyond those that were `added` already.

    `prototypes` are the last planned run of each cell and pass of a bench: blocks are numbered
    on from theirs, and their places in the order from `after`.
    """
    runs: list[PlannedRun] = []
    for group, blocks in due.items():
        own = [run for run in prototypes if group_of(run.cell, run.pass_) == group]
        last = max((run.block for run in own), default=0)
        for number in range((added or {}).get(group, 0) + 1, blocks + 1):
            cells = [replace(run, block=last + number) for run in own]
            # Not for secrets: a recorded seed must give the same order again.
            random.Random(f"{seed}/added/{group[:3]}/{number}").shuffle(cells)  # noqa: S311
            runs += cells
    return in_order(runs, after=after)


def with_added(
    plan: Plan, runs: Sequence[RunResult], most: int, replacing: Replacing = NOTHING_REPLACED
) -> Plan:
    """Return a plan with the blocks that stored runs call for at the end of its lanes."""
    due = blocks_due(runs, most)
    disturbed = replacements_due(runs, replacing)
    lanes = []
    for lane in plan.lanes:
        added = added_runs(lane.prototypes, due, plan.seed, after=len(lane.runs))
        own = {place: blocks for place, blocks in disturbed.items() if place[0] == lane.bench}
        new = replacing_runs(lane.prototypes, own, plan.seed, replacing)
        runs_now = (*lane.runs, *added, *in_order(new, after=len(lane.runs) + len(added)))
        lanes.append(replace(lane, runs=runs_now))
    return replace(plan, lanes=tuple(lanes))


def in_order(runs: Iterable[PlannedRun], *, after: int) -> tuple[PlannedRun, ...]:
    """Return runs with places in the order of their lane."""
    return tuple(replace(run, order=after + at) for at, run in enumerate(runs, start=1))


def is_made(run: RunResult) -> bool:
    """Tell whether a session that is resumed leaves a run at that.

    One that was skipped because its target was missing, or its time was up, was never made.
    """
    return not isinstance(run.outcome, Skipped) or run.outcome.expected


def failed_for_good(runs: Sequence[RunResult], most: int) -> bool:
    """Tell whether a run failed that no added block has made up for.

    `runs` are the latest attempts of a finished session.
    """
    due = blocks_due(runs, most)
    of_cell: dict[tuple[Cell, Pass], list[RunResult]] = {}
    for run in runs:
        of_cell.setdefault((run.cell, run.pass_), []).append(run)
    return any(
        any(_is_final(run) for run in own)
        or sum(isinstance(run.outcome, Failed) for run in own) > due.get(group_of(*key), 0)
        for key, own in of_cell.items()
    )


def _is_final(run: RunResult) -> bool:
    outcome = run.outcome
    return isinstance(outcome, Failed) and outcome.failure.kind not in INFRASTRUCTURE
