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
    """Tell whether a cell had threads that its runtime would not have on this machine."""
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
    notes = []
    capped = [cell for cell in cells if is_forced(cell) and cell.observed("threads_as_shipped")]
    others = [cell for cell in cells if is_forced(cell) and cell not in capped]
    if capped:
        taken = _numbers(cell.observed("threads_as_shipped") for cell in capped)
        notes.append(
            f"forced: TF.js would have used {' or '.join(taken)} for a visitor of this machine; "
            f"hardwareConcurrency was overridden and the count read back ({_names(capped)})."
        )
    if others:
        notes.append(
            "forced: the page was shown more cores than this machine has, so that there are as "
            f"many threads, and the count was read back ({_names(others)})."
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


def _names(cells: Sequence[CellSummary]) -> str:
    return ", ".join(dict.fromkeys(f"{c.cell.target}/{c.cell.variant}" for c in cells))


def _chosen(cell: CellSummary) -> Iterable[str]:
    yield from (str(binary) for binary in cell.observed("wasm"))
    yield from _numbers([cell.observed("threads")])


def _numbers(seen: Iterable[tuple[object, ...]]) -> list[str]:
    whole = sorted({number for each in seen for number in each if isinstance(number, int)})
    return [counted(number, "thread") for number in whole]
