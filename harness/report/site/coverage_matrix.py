"""Which models ran where: a row per file of a model, a column per target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.counted import counted
from harness.model import Column, Table
from harness.report.latency import why_no_time
from harness.report.layout import Labels, section_of
from harness.report.summary import CellSummary


def coverage_matrix(cells: Sequence[CellSummary]) -> Table:
    """Return how many variants of a file have a latency on each target, or why they have none."""
    labels = Labels(cells)
    targets = list(dict.fromkeys(cell.cell.target for cell in cells))
    rows: dict[tuple[str, ...], dict[str, list[CellSummary]]] = {}
    for cell in cells:
        *name, _target = labels.of(cell)
        rows.setdefault(tuple(name), {}).setdefault(cell.cell.target, []).append(cell)
    columns = (
        *(column for column in labels.columns if column.key != "target"),
        *(Column(f"on.{target}", target) for target in targets),
    )
    return Table(
        name="coverage_matrix",
        title="Coverage: what ran where",
        columns=columns,
        rows=tuple(
            (*name, *(_said(own.get(target, ())) for target in targets))
            for name, own in rows.items()
        ),
        notes=("Variants that have a latency; the table below says why others do not.",),
        section=section_of(cells),
    )


def _said(cells: Sequence[CellSummary]) -> str | None:
    if not cells:
        return None
    timed = sum(cell.time is not None for cell in cells)
    whys = Counter(why_no_time(cell) for cell in cells if cell.time is None)
    told = "".join(f"; {number} {why}" for why, number in whys.items())
    if timed == len(cells):
        return f"all {counted(timed, 'variant')}" if timed > 1 else "measured"
    return f"{timed} of {counted(len(cells), 'variant')}{told}"
