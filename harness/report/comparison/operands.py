"""What is compared: the cells of a folder, or those that a selection behind an `@` leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import CompareError
from harness.plan import Selection
from harness.report.summary import CellSummary

WORDS = ("model", "file", "target", "variant")


@dataclass(frozen=True, slots=True)
class Operand:
    """One side: what a person calls it, its cells, and the words that it selects one name of."""

    name: str
    cells: tuple[CellSummary, ...]
    fixed: frozenset[str] = frozenset()


def operand(name: str, cells: Sequence[CellSummary], selection: Selection) -> Operand:
    """Return the cells that a selection admits.

    Raises:
        CompareError: it admits none.
    """
    chosen = tuple(cell for cell in cells if selection.admits(cell.cell))
    if not chosen:
        known = ", ".join(cell.cell.label for cell in cells)
        raise CompareError(f"{name} selects no cell", hint=f"its cells are: {known}")
    fixed = frozenset(word for word, names in selection.accepted.items() if len(names) == 1)
    return Operand(name, chosen, fixed)


def matched(
    operands: Sequence[Operand],
) -> tuple[tuple[str, ...], dict[tuple[str, ...], list[CellSummary | None]]]:
    """Match the cells of all sides; return the words that match them, and a row per match.

    A word that every side fixes to a name of its own (`@target=a` and `@target=b`) is what is
    compared, so it takes no part in matching. A row has a cell, or None, per side.

    Raises:
        CompareError: no row has two cells.
    """
    words = tuple(w for w in WORDS if not all(w in each.fixed for each in operands))
    rows: dict[tuple[str, ...], list[CellSummary | None]] = {}
    for place, side in enumerate(operands):
        for cell in side.cells:
            key = tuple(getattr(cell.cell, word) for word in words)
            row = rows.setdefault(key, [None] * len(operands))
            row[place] = cell
    if not any(sum(cell is not None for cell in row) > 1 for row in rows.values()):
        raise CompareError(
            "no cell is in both",
            hint="say what stands for what: A@target=chromium B@target=firefox",
        )
    return words, rows
