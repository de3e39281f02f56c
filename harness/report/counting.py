"""Which runs of a folder count, and how many each cell had in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.disturbances import (
    DISTURBED,
    Place,
    Replacing,
    block_of,
    how_replaced,
    left_out,
    replacements_due,
)
from harness.looks import Standing, how_looked, standings
from harness.model import Cell, Measured, Pass, RunResult, SessionRecord
from harness.retries import Group, blocks_due, group_of


@dataclass(frozen=True, slots=True)
class Counting:
    """Which runs do not count: `left_out` are measured ones of disturbed blocks that were replaced.

    `added` and `replacing` are the blocks that were due beside the planned ones; `sampling` is
    how far each cell's blocks are, where their number was not fixed.
    """

    left_out: Mapping[Cell, tuple[RunResult, ...]]
    added: Mapping[Group, int]
    replacing: Mapping[Place, int]
    how: Replacing
    sampling: Mapping[Cell, Standing]

    def beside(self, cell: Cell, pass_: Pass, bench: str) -> int:
        """Return how many runs that count a cell should have beside the planned ones."""
        beside = self.added.get(group_of(cell, pass_), 0)
        if pass_ == "latency":
            beside += self.replacing.get(self.how.place(bench, cell.model), 0)
            beside -= len(self.left_out.get(cell, ()))
        return beside


def counting(session: SessionRecord, latest: Sequence[RunResult]) -> Counting:
    """Tell from the latest attempts of a session which of its runs count."""
    how = how_replaced(session)
    disturbed = [run for run in latest if run.conditions.get(DISTURBED) is True]
    out = left_out(session, latest) if disturbed else frozenset()
    sampling, limits = _sampled(session, latest)
    aside: dict[Cell, list[RunResult]] = {}
    for run in latest if out else ():
        # A failure stays to be seen, whatever others did meanwhile.
        measured = run.pass_ == "latency" and isinstance(run.outcome, Measured)
        if measured and block_of(run, how) in out:
            aside.setdefault(run.cell, []).append(run)
    return Counting(
        left_out={cell: tuple(own) for cell, own in aside.items()},
        added=blocks_due(latest, session.added_blocks),
        replacing=replacements_due(disturbed, how, limits),
        how=how,
        sampling=sampling,
    )


def _sampled(
    session: SessionRecord, latest: Sequence[RunResult]
) -> tuple[Mapping[Cell, Standing], Mapping[Place, int]]:
    """Return how far each cell's blocks are, and how many each place may have replaced."""
    if session.precision is None:
        return {}, {}
    how = how_looked(session, {run.cell.target: run.bench for run in latest})
    if how is None:
        return {}, {}
    found: dict[Place, Standing] = {}
    for bench in dict.fromkeys(bench for bench, _ in how.cells):
        found |= standings(latest, how, bench)
    of_cells = {cell: each for place, each in found.items() for cell in how.cells[place]}
    return of_cells, {place: how.replaced_at_most(each.planned) for place, each in found.items()}
