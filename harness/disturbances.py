"""Which blocks others disturbed, which of them are replaced, and which ones count; pure.

A block is one latency run of every cell of one model on one bench, or of all models where the suite
has a base model. It is disturbed if others used
more of the host's CPU than a stated share while one of its runs was measured: never judged by
the times themselves. What the hypervisor took (steal) counts as used by others. How many blocks
replace disturbed ones, and which are left out for them, follows from the stored runs, so a
session that is resumed, and a report, find the same ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from harness.model import Facts, Measured, RunResult, SessionRecord
from harness.plan import PlannedRun

Place: TypeAlias = tuple[str, str]
"""What blocks are counted for: (bench, model), with '' for all models together."""

BlockName: TypeAlias = tuple[str, str, int]
"""A block of a session: its place and its number."""

DISTURBED = "disturbed"
"""The condition of a run that says whether others disturbed it; None is not known."""


@dataclass(frozen=True, slots=True)
class Replacing:
    """How blocks are replaced: at most `most` of each place.

    `spared` numbers after the last planned block are for the blocks that failures may add;
    `together` says that a block is of all models.
    """

    most: int = 0
    spared: int = 0
    together: bool = False

    def place(self, bench: str, model: str) -> Place:
        """Return what the blocks of a model are counted for."""
        return (bench, "" if self.together else model)


NOTHING_REPLACED = Replacing()
"""How older sessions, and those that ask for it, replace disturbed blocks."""


def how_replaced(session: SessionRecord) -> Replacing:
    """Return how blocks of a session are replaced."""
    return Replacing(
        most=session.replace_disturbed,
        spared=session.added_blocks,
        together=session.base_model is not None,
    )


def judged(conditions: Facts, above: float) -> bool | None:
    """Tell whether others disturbed a run; None where the platform cannot tell."""
    others = conditions.get("others_cpu_share")
    if not isinstance(others, int | float):
        return None
    steal = conditions.get("steal_cpu_share")
    return others + (steal if isinstance(steal, int | float) else 0.0) > above


def block_of(run: RunResult, how: Replacing) -> BlockName:
    """Name the block of a latency run."""
    return (*how.place(run.bench, run.cell.model), run.block)


def disturbed_blocks(runs: Iterable[RunResult], how: Replacing) -> Mapping[Place, tuple[int, ...]]:
    """Return the numbers of the disturbed blocks of each place, in order."""
    found: dict[Place, set[int]] = {}
    for run in runs:
        if run.pass_ == "latency" and run.conditions.get(DISTURBED) is True:
            found.setdefault(how.place(run.bench, run.cell.model), set()).add(run.block)
    return {place: tuple(sorted(numbers)) for place, numbers in found.items()}


def replacements_due(
    runs: Iterable[RunResult], how: Replacing, most_of: Mapping[Place, int] | None = None
) -> Mapping[Place, int]:
    """Return how many blocks are to replace disturbed ones.

    `most_of` are the limits of places that have one of their own.
    """
    limits = most_of or {}
    return {
        place: min(len(blocks), limits.get(place, how.most))
        for place, blocks in disturbed_blocks(runs, how).items()
    }


def replacing_runs(
    prototypes: Sequence[PlannedRun],
    due: Mapping[Place, int],
    seed: int,
    how: Replacing,
    *,
    done: Mapping[Place, int] | None = None,
) -> tuple[PlannedRun, ...]:
    """Return the runs of the blocks that are due beyond those that were `done`, without order."""
    runs: list[PlannedRun] = []
    for place, blocks in due.items():
        own = [
            run
            for run in prototypes
            if run.pass_ == "latency" and how.place(run.bench, run.cell.model) == place
        ]
        last = max((run.block for run in own), default=0) + how.spared
        for number in range((done or {}).get(place, 0) + 1, blocks + 1):
            cells = [replace(run, block=last + number) for run in own]
            # Not for secrets: a recorded seed must give the same order again.
            random.Random(f"{seed}/replacing/{place}/{number}").shuffle(cells)  # noqa: S311
            runs += cells
    return tuple(runs)


def left_out(session: SessionRecord, runs: Sequence[RunResult]) -> frozenset[BlockName]:
    """Return the disturbed blocks of a session that others replaced."""
    return replaced_blocks(runs, how_replaced(session), session.blocks)


def replaced_blocks(
    runs: Sequence[RunResult], how: Replacing, planned: int
) -> frozenset[BlockName]:
    """Return the disturbed blocks that others replaced: the first ones, one for each new block.

    `planned` is the number of the last planned block. Those beyond the limit stay, and count.
    """
    made: dict[Place, set[int]] = {}
    for run in runs:
        replaces = run.block > planned + how.spared
        if run.pass_ == "latency" and replaces and isinstance(run.outcome, Measured):
            made.setdefault(how.place(run.bench, run.cell.model), set()).add(run.block)
    return frozenset(
        (*place, number)
        for place, numbers in disturbed_blocks(runs, how).items()
        for number in numbers[: len(made.get(place, ()))]
    )
