"""From result folders to finished tables, virtual devices in a section of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from harness.model import Cell, ResultFolder, Table
from harness.report.buys_and_costs import buys_and_costs_table
from harness.report.cold_start import cold_start_table
from harness.report.coverage import coverage_table
from harness.report.delegates import delegates_table
from harness.report.family_wise import cells_in_families
from harness.report.files import files_tables
from harness.report.latency import latency_table
from harness.report.memory import memory_table
from harness.report.models import models_table
from harness.report.native import native_tables
from harness.report.quality import quality_table
from harness.report.reference_figures import reference_table
from harness.report.speedups import speedup_tables
from harness.report.stages import frames_table, stages_table
from harness.report.summary import CellSummary, summarise
from harness.report.sustained import sustained_tables
from harness.report.threads import threads_table


def build(
    folders: Sequence[ResultFolder],
    only: Callable[[Cell], bool] | None = None,
    *,
    family_wise: bool = False,
) -> tuple[Table, ...]:
    """Return all tables that have something to say, of real targets, then of virtual ones.

    Several folders stand side by side, told apart by a session column. `only` chooses the
    cells that are shown; ratios are formed before, so a hidden baseline still counts.
    `family_wise` has the verdicts of a table hold together, by Holm's rule over those shown.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    cells = [cell for cell in summarise(folders) if only is None or only(cell.cell)]
    return of_cells(cells, family_wise=family_wise)


def of_cells(cells: Sequence[CellSummary], *, family_wise: bool = False) -> tuple[Table, ...]:
    """Return all tables of these cells, as `build` does."""
    real = [cell for cell in cells if not cell.virtual]
    virtual = [cell for cell in cells if cell.virtual]
    native = tuple(native_tables(cells, family_wise=family_wise))
    return (
        *_section(real, family_wise=family_wise),
        *(table for table in native if not table.section),
        *_section(virtual, family_wise=family_wise),
        *(table for table in native if table.section),
    )


def _section(cells: Sequence[CellSummary], *, family_wise: bool) -> Iterable[Table]:
    if not cells:
        return
    if family_wise:
        cells = cells_in_families(cells)
    yield latency_table(cells)
    yield from speedup_tables(cells)
    yield from files_tables(cells)
    for make in (
        partial(threads_table, family_wise=family_wise),
        buys_and_costs_table,
        stages_table,
        frames_table,
        models_table,
        reference_table,
        quality_table,
        delegates_table,
        cold_start_table,
        memory_table,
    ):
        table = make(cells)
        if table is not None:
            yield table
    yield from sustained_tables(cells)
    yield coverage_table(cells)
