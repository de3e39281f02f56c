"""The tables of result folders as Markdown, for a file of somebody's."""

from __future__ import annotations

from collections.abc import Sequence

from harness.counted import counted
from harness.model import ResultFolder
from harness.plugins import registry
from harness.report import tables
from harness.report.published import published_folders, published_table
from harness.report.summary import summarise


def markdown(folders: Sequence[ResultFolder], *, include_virtual: bool) -> str:
    """Return the tables without paths of a machine in them.

    Cells of virtual devices are left out, and counted, unless they are included.

    Raises:
        CompareError: the runs of one cell were measured under different settings.
    """
    cells = summarise(published_folders(folders))
    kept = [cell for cell in cells if include_virtual or not cell.virtual]
    built = tables.of_cells(kept)
    shown: str = registry("formats").get("markdown").render([published_table(t) for t in built])
    if left_out := len(cells) - len(kept):
        shown += f"\n{counted(left_out, 'cell')} of virtual devices left out.\n"
    return shown
