"""Verdicts that hold for all ratios of a table together, where a person asks for that.

One comparison in twenty of things that are the same has an interval that excludes 1. In a table of
many, Holm's rule keeps the chance of any false "faster" or "slower" below 5 %; what it does not
let stand is unclear. "Same" is no such claim, and stays as each ratio's own interval says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.counted import counted
from harness.report.cell_ratios import RatioSummary
from harness.report.numbers import percent
from harness.report.summary import CellSummary
from harness.statistics.holm import FAMILY_LEVEL, blocks_needed, holm
from harness.statistics.paired import Verdict


def in_family(ratios: Sequence[RatioSummary]) -> list[RatioSummary]:
    """Judge ratios as one family; those without an interval take no part in it."""
    estimates = {at: ratio.estimate for at, ratio in enumerate(ratios) if ratio.estimate}
    p_values = {at: each.p for at, each in estimates.items() if each.low is not None}
    adjusted = holm(p_values)
    return [
        replace(ratio, verdict=left(ratio.verdict, adjusted[at]), family=len(adjusted))
        if at in adjusted
        else ratio
        for at, ratio in enumerate(ratios)
    ]


def left(verdict: Verdict | None, adjusted_p: float) -> Verdict | None:
    """Return what is left of a verdict when its p counts for a whole family."""
    told = verdict in {"faster", "slower"}
    return "unclear" if told and adjusted_p > FAMILY_LEVEL else verdict


def cells_in_families(cells: Sequence[CellSummary]) -> list[CellSummary]:
    """Judge the ratios of one kind as a family: of variants, of files, of models.

    Those of variants stand in two tables; they have one verdict in both.
    """
    declared = iter(in_family([ratio for cell in cells for ratio in cell.ratios]))
    originals = iter(in_family([each for cell in cells if (each := cell.over_original)]))
    bases = iter(in_family([each for cell in cells if (each := cell.over_base)]))
    return [
        replace(
            cell,
            ratios=tuple(next(declared) for _ in cell.ratios),
            over_original=next(originals) if cell.over_original else None,
            over_base=next(bases) if cell.over_base else None,
        )
        for cell in cells
    ]


def family_rule(ratios: Iterable[RatioSummary | None]) -> tuple[str, ...]:
    """Return the note of ratios that were judged as a family; none of those that were not."""
    judged = [each for each in ratios if each and each.family and each.estimate]
    blocks = [each.estimate.blocks for each in judged if each.estimate]
    if not judged:
        return ()
    family = judged[0].family
    return (family_note(family, min(blocks), blocks_needed(family)),)


def family_note(family: int, fewest: int, needed: int, what: str = "blocks") -> str:
    """Say that verdicts hold together, and how many blocks that needs where there are too few."""
    text = (
        f"Family-wise: faster and slower hold for {counted(family, 'ratio')} together (Holm's "
        f"rule: any false one in at most {percent(FAMILY_LEVEL)} of such tables); same is judged "
        "alone."
    )
    if fewest >= needed:
        return text
    return (
        f"{text} Among so many a difference, however large, needs {needed} {what} to be told; "
        f"here it has {fewest}."
    )
