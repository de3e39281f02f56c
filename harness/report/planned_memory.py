"""Columns of planned memory beside what was measured, where a suite has `plan_memory: true`.

The figures were computed when the session began and stand in `session.json` with the facts of
the model's file (`planned_arena_bytes`, …), so that tables need nothing but the folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.model import Column, Facts, TableValue
from harness.report.numbers import BYTES, Scale, scale_for
from harness.report.summary import CellSummary

_COLUMNS = {
    "planned_arena_bytes": ("planned: TFLite arena", "planned_arena"),
    "planned_least_bytes": ("planned: least", "planned_least"),
    "planned_naive_bytes": ("planned: naive", "planned_naive"),
}
_MEANING = (
    "planned: computed from the file, not measured, and never comparable with what is: a process "
    "has weights, code and workspaces too. TFLite arena: with inputs, outputs and scratch memory "
    "of the built-in kernels, one thread, no delegate (XNNPACK takes the tensors out of it). "
    "Least and naive: intermediate tensors alone, by the best offset strategy and each by itself."
)


class PlannedColumns:
    """The planned columns of one table; there are none where nothing was planned."""

    def __init__(self, cells: Sequence[CellSummary]) -> None:
        self._cells = cells
        facts = [planned_facts_of(cell) for cell in cells]
        self._scales: dict[str, Scale] = {
            fact: scale_for(values, BYTES)
            for fact in _COLUMNS
            if (values := [_number(each[fact]) for each in facts if each.get(fact) is not None])
        }

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return a column per planned figure that any cell has."""
        return tuple(
            Column(_COLUMNS[fact][1], _COLUMNS[fact][0], scale.unit, "right")
            for fact, scale in self._scales.items()
        )

    def of(self, cell: CellSummary) -> tuple[TableValue, ...]:
        """Return the planned figures of one cell, in the order of the columns."""
        facts = planned_facts_of(cell)
        return tuple(
            None if facts.get(fact) is None else scale.figure(_number(facts[fact]))
            for fact, scale in self._scales.items()
        )

    @property
    def notes(self) -> Iterable[str]:
        """Return what the columns mean, and why a model has no figure."""
        if self._scales:
            yield _MEANING
        reasons = {
            f"{cell.cell.model}/{cell.cell.file}": reason
            for cell in self._cells
            if (reason := planned_facts_of(cell).get("planned_absent"))
        }
        for model, reason in reasons.items():
            yield f"No planned memory of {model}: {reason}."


def planned_facts_of(cell: CellSummary) -> Facts:
    """Return the facts of the `.tflite` file that a cell ran, {} if it ran another.

    Where the session had no such file, they say why nothing was planned.
    """
    facts = cell.session.models.get(f"{cell.cell.model}/{cell.cell.file}", {})
    digest = facts.get("tflite_sha256")
    return facts if digest is None or digest in cell.digests else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
