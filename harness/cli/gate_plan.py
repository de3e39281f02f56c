"""`edgebench plan SUITE --against last-good`: what a gate would measure, and what it costs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

from harness.cli.gate_session import Gate, load_suite, ready
from harness.cli.plan import plan_table, until_of
from harness.cli.printing import print_tables
from harness.counted import counted
from harness.errors import EXIT_OK
from harness.plan import Lane, estimated_seconds
from harness.progress import duration_text


def execute(arguments: argparse.Namespace) -> int:
    """Print the plan of a gate; returns the exit code."""
    gate = ready(load_suite(arguments), arguments)
    table = plan_table(gate.planned, until_of(arguments, gate.planned))
    notes = (*_notes(gate), *table.notes)
    print_tables([replace(table, notes=notes)], arguments.format)
    return EXIT_OK


def _notes(gate: Gate) -> Iterator[str]:
    if gate.last_good is None:
        yield "There is no last good build yet: this night's is measured and kept as it."
        return
    if not gate.twins.runs:
        yield "Nothing to judge: no cell runs another build than last good; all are measured once."
        return
    lanes = gate.planned.lanes
    both, alone = max(map(_seconds, lanes)), max(_seconds(lane, gate) for lane in lanes)
    beside, reference = (gate.twins.of[side] for side in ("last good", "reference"))
    own = {*reference.values()} - {*beside.values()}
    yield (
        f"{counted(len(beside), 'cell')} beside the last good build"
        + (f", {len(own)} beside the pinned reference too" if own else "")
        + f": about {duration_text(both)} instead of {duration_text(alone)}; then "
        f"{gate.planned.suite.gate.confirm_blocks} fresh blocks of each cell that is flagged"
    )


def _seconds(lane: Lane, without_twins_of: Gate | None = None) -> float:
    twins = without_twins_of.planned.twins if without_twins_of else ()
    left_out = {twin.cell for twin in twins}
    return sum(estimated_seconds(run) for run in lane.runs if run.cell not in left_out)
