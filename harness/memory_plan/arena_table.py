"""The third table: TFLite's arena as planned, beside what was really taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.memory_plan.kernel_scratch import Kernels
from harness.memory_plan.tables import mebibytes
from harness.memory_plan.tflite_arena import Arena, PlannedArena
from harness.model import Column, Table, TableValue

ARENA_NAMES: dict[Arena, str] = {
    "tflite": "inputs, outputs and intermediates, in place where TFLite does",
    "intermediates": "intermediates alone, none in place",
}
_KERNEL_NAMES: dict[Kernels, str] = {"reference": "reference", "optimised": "built-in"}


@dataclass(frozen=True, slots=True)
class ArenaRow:
    """One figure for the memory of one graph: bytes of the arena, of what is kept beside it, and
    of a whole process, which has weights and code too; None where it does not say.
    """

    title: str
    source: str
    kernels: str
    delegate: str
    arena_bytes: int | None = None
    kept_bytes: int | None = None
    process_bytes: int | None = None
    note: str = ""


def planned_row(title: str, planned: PlannedArena) -> ArenaRow:
    """Return the row of a plan; a note names operators whose scratch memory is not in it."""
    missing = ", ".join(planned.unmodelled)
    return ArenaRow(
        title,
        "planned",
        _KERNEL_NAMES[planned.kernels],
        "none",
        planned.plan.total_bytes,
        planned.plan.persistent_bytes,
        note=f"{title}: scratch memory of {missing} is not known and not planned" * bool(missing),
    )


def arena_table(rows: Sequence[ArenaRow], arena: Arena, notes: Sequence[str] = ()) -> Table:
    """Return the table of these rows; planned rows are of the arena that `arena` names."""
    own = (row.note for row in rows if row.note)
    return Table(
        name="memory_arena",
        title=f"TFLite's arena, planned for {ARENA_NAMES[arena]}",
        columns=(
            Column("model", "model"),
            Column("source", "source"),
            Column("kernels", "kernels"),
            Column("delegate", "delegate"),
            Column("arena", "arena", "MiB", "right"),
            Column("kept", "kept beside it", "MiB", "right"),
            Column("process", "process", "MiB", "right"),
        ),
        rows=tuple(_cells(row) for row in rows),
        notes=tuple(dict.fromkeys((*_MEANINGS, *own, *notes))),
    )


_MEANINGS = (
    (
        "arena: bytes up to the end of the highest tensor, in steps of 64, with kernels' scratch "
        "memory, on one thread. kept beside it: variables, constants that are unpacked once, sums "
        "of weights. process: growth or peak of a whole process, with its weights and its code"
    ),
    (
        "XNNPACK takes intermediate tensors out of the arena into a workspace of its own, which "
        "this column does not see"
    ),
)


def disagreement(planned: ArenaRow, measured: ArenaRow) -> str:
    """Return the note that a plan and the same kernels' measured arena differ, '' if they agree."""
    if planned.arena_bytes == measured.arena_bytes:
        return ""
    return (
        f"{planned.title}: planned {planned.arena_bytes} bytes and measured "
        f"{measured.arena_bytes} with {planned.kernels} kernels differ"
    )


def _cells(row: ArenaRow) -> tuple[TableValue, ...]:
    figures = (row.arena_bytes, row.kept_bytes, row.process_bytes)
    shown = (None if value is None else mebibytes(value) for value in figures)
    return (row.title, row.source, row.kernels, row.delegate, *shown)
