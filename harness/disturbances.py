"""Which blocks others disturbed, which of them are replaced, and which ones count; pure.

A block is one latency run of every cell of one model on one bench. It is disturbed if others used
more of the host's CPU than a stated share while one of its runs was measured: never judged by
the times themselves. What the hypervisor took (steal) counts as used by others. How many blocks
replace disturbed ones, and which are left out for them, follows from the stored runs, so a
session that is resumed, and a report, find the same ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from harness.model import Facts, Measured, RunResult, SessionRecord
from harness.plan import PlannedRun

ModelOnBench: TypeAlias = tuple[str, str]
"""What blocks are counted for: (bench, model)."""

BlockName: TypeAlias = tuple[str, str, int]
"""A block of a session: (bench, model, number)."""

DISTURBED = "disturbed"
"""The condition of a run that says whether others disturbed it; None is not known."""


def judged(conditions: Facts, above: float) -> bool | None:
    """Tell whether others disturbed a run; None where the platform cannot tell."""
    others = conditions.get("others_cpu_share")
    if not isinstance(others, int | float):
        return None
    steal = conditions.get("steal_cpu_share")
    return others + (steal if isinstance(steal, int | float) else 0.0) > above


def block_of(run: RunResult) -> BlockName:
    """Name the block of a latency run."""
    return (run.bench, run.cell.model, run.block)


def disturbed_blocks(runs: Iterable[RunResult]) -> Mapping[ModelOnBench, tuple[int, ...]]:
    """Return the numbers of the disturbed blocks of each model on each bench, in order."""
    found: dict[ModelOnBench, set[int]] = {}
    for run in runs:
        if run.pass_ == "latency" and run.conditions.get(DISTURBED) is True:
            found.setdefault((run.bench, run.cell.model), set()).add(run.block)
    return {place: tuple(sorted(numbers)) for place, numbers in found.items()}


def replacements_due(runs: Iterable[RunResult], most: int) -> Mapping[ModelOnBench, int]:
    """Return how many blocks are to replace disturbed ones, at most `most` of each model."""
    return {place: min(len(blocks), most) for place, blocks in disturbed_blocks(runs).items()}


def replacing_runs(
    prototypes: Sequence[PlannedRun],
    due: Mapping[ModelOnBench, int],
    seed: int,
    *,
    spared: int,
    done: Mapping[ModelOnBench, int] | None = None,
) -> tuple[PlannedRun, ...]:
    """Return the runs of the blocks that are due beyond those that were `done`, without order.

    Blocks are numbered on from the last planned one, after the `spared` numbers of the blocks
    that failures may add.
    """
    runs: list[PlannedRun] = []
    for (bench, model), blocks in due.items():
        own = [
            run
            for run in prototypes
            if (run.bench, run.cell.model, run.pass_) == (bench, model, "latency")
        ]
        last = max((run.block for run in own), default=0) + spared
        for number in range((done or {}).get((bench, model), 0) + 1, blocks + 1):
            cells = [replace(run, block=last + number) for run in own]
            # Not for secrets: a recorded seed must give the same order again.
            random.Random(f"{seed}/replacing/{bench}/{model}/{number}").shuffle(cells)  # noqa: S311
            runs += cells
    return tuple(runs)


def left_out(session: SessionRecord, runs: Sequence[RunResult]) -> frozenset[BlockName]:
    """Return the disturbed blocks that others replaced: the first ones, one for each new block.

    Those beyond the limit stay, and count.
    """
    made: dict[ModelOnBench, set[int]] = {}
    for run in runs:
        replaces = run.block > session.blocks + session.added_blocks
        if run.pass_ == "latency" and replaces and isinstance(run.outcome, Measured):
            made.setdefault((run.bench, run.cell.model), set()).add(run.block)
    return frozenset(
        (*place, number)
        for place, numbers in disturbed_blocks(runs).items()
        for number in numbers[: len(made.get(place, ()))]
    )
