"""What tables say of threads that were forced, and of what a runtime chose by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.counted import counted
from harness.model import Column
from harness.report.layout import Labels
from harness.report.summary import CellSummary

_COLUMN = Column("ran_as", "ran as")


def ran_as(cell: CellSummary) -> str | None:
    """Return `forced`, or `as shipped: threaded-simd, 1 thread`; None for all else."""
    if True in cell.observed("as_shipped"):
        return f"as shipped: {', '.join(_chosen(cell))}"
    return "forced" if is_forced(cell) else None


def is_forced(cell: CellSummary) -> bool:
    """Tell whether a cell had more threads than its runtime would take for a visitor."""
    return True in cell.observed("threads_forced")


class VariantLabels:
    """The leading columns of a row per variant: its labels, its name, and these words if any."""

    def __init__(self, cells: Sequence[CellSummary]) -> None:
        self._labels = Labels(cells)
        self._said = any(ran_as(cell) for cell in cells)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns; that of the words only where a cell has one."""
        return (*self._labels.columns, Column("variant", "variant"), *(_COLUMN,) * self._said)

    def of(self, cell: CellSummary) -> tuple[str | None, ...]:
        """Return the values of these columns for one cell."""
        return (*self._labels.of(cell), cell.cell.variant, *(ran_as(cell),) * self._said)


def ran_as_notes(cells: Sequence[CellSummary]) -> tuple[str, ...]:
    """Say what the words in the column mean here."""
    forced = [cell for cell in cells if is_forced(cell)]
    notes = []
    if forced:
        taken = _numbers(cell.observed("threads_as_shipped") for cell in forced)
        names = dict.fromkeys(f"{cell.cell.target}/{cell.cell.variant}" for cell in forced)
        notes.append(
            f"forced: TF.js would have used {' or '.join(taken)} for a visitor of this machine; "
            f"hardwareConcurrency was overridden and the count read back ({', '.join(names)})."
        )
    shipped = {
        f"{cell.cell.target}/{cell.cell.variant} {', '.join(_chosen(cell))}": None
        for cell in cells
        if True in cell.observed("as_shipped")
    }
    if shipped:
        notes.append(
            "as shipped: what TF.js took by itself, with no flag, no number of threads and no "
            f"override ({'; '.join(shipped)})."
        )
    return tuple(notes)


def _chosen(cell: CellSummary) -> Iterable[str]:
    yield from (str(binary) for binary in cell.observed("wasm"))
    yield from _numbers([cell.observed("threads")])


def _numbers(seen: Iterable[tuple[object, ...]]) -> list[str]:
    whole = sorted({number for each in seen for number in each if isinstance(number, int)})
    return [counted(number, "thread") for number in whole]
