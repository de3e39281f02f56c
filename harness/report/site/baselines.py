"""Every cell against every other variant of its target: what a page switches baselines with.

The ratios are formed block by block when the site is published, as declared ones are; a page only
shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from harness.report.numbers import ratio
from harness.report.site.published_results import key_of
from harness.report.summary import CellSummary
from harness.report.undeclared_ratios import cell_ratio
from harness.statistics.paired import NO_INTERVAL
from harness.table_text.visible import ABSENT, visible

MOST_VARIANTS = 16
Over: TypeAlias = tuple[str, str, float | None]
"""A speed-up as shown, its verdict or why there is none, and its value."""


def over_every_variant(cells: Sequence[CellSummary]) -> list[dict[str, Over] | None]:
    """Return for each cell its speed-up over each other variant, by the variant's visible name.

    None for cells without a time, and for targets of more than 16 variants.
    """
    groups: dict[tuple[str, ...], list[CellSummary]] = {}
    for cell in cells:
        groups.setdefault(_group(cell), []).append(cell)
    found: dict[object, dict[str, Over]] = {}
    for members in groups.values():
        if 1 < len(members) <= MOST_VARIANTS:
            for cell in members:
                others = [other for other in members if other is not cell]
                found[key_of(cell)] = {visible(o.cell.variant): _over(cell, o) for o in others}
    return [found.get(key_of(cell)) if cell.time else None for cell in cells]


def _group(cell: CellSummary) -> tuple[str, ...]:
    return (cell.path, cell.cell.model, cell.cell.file, cell.cell.target)


def _over(cell: CellSummary, other: CellSummary) -> Over:
    found = cell_ratio(cell, other)
    if found.estimate is None:
        return (ABSENT, f"no ratio: {visible(found.reason)}", None)
    shown = ratio(found.estimate)
    judged = "no interval" if found.verdict in {None, NO_INTERVAL} else str(found.verdict)
    return (shown.text, judged, shown.value)
