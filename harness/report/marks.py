"""What the verdicts on runs' conditions do to tables: a column, and notes that say the reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.model import Column, Pass, RunResult, TableValue
from harness.report.cell_ratios import MARKED, RatioSummary, verdict_of
from harness.report.summary import CellSummary, PassSummary

_REASONS = 3
_COLUMN = Column("conditions", "conditions")


def conditions_column(passes: Sequence[PassSummary]) -> tuple[Column, ...]:
    """Return the column of verdicts, where the conditions of any of these runs were watched."""
    watched = any(verdict_of(run) or _reason(run) for one in passes for run in one.runs)
    return (_COLUMN,) if watched else ()


def conditions_of(one_pass: PassSummary) -> TableValue:
    """Say the verdicts of a pass in few words: `ok`, or `2 throttled, 1 noisy of 10`."""
    verdicts = Counter(verdict_of(run) for run in one_pass.measured)
    marked = [f"{verdicts[word]} {word}" for word in MARKED if verdicts[word]]
    whole = verdicts.total()
    if not marked:
        return "ok" if verdicts["ok"] == whole and whole else "not known" if whole else None
    if len(marked) == 1 and max(verdicts.values()) == whole:
        return marked[0].partition(" ")[2]
    return f"{', '.join(marked)} of {whole}"


def marked_runs(cells: Sequence[CellSummary], pass_: Pass | None = None) -> tuple[str, ...]:
    """Return a note per verdict: how many runs of which cells keep marked numbers, and why.

    Where conditions were watched and could not be told, a note says so.

    `pass_` is the only pass that is told of; without it, all are.
    """
    places: dict[str, Counter[str]] = {word: Counter() for word in MARKED}
    reasons: dict[str, Counter[str]] = {word: Counter() for word in MARKED}
    unknown: Counter[str] = Counter()
    for cell in cells:
        for name, one_pass in cell.passes.items():
            for run in one_pass.measured if pass_ in {None, name} else ():
                word = verdict_of(run)
                if word in MARKED:
                    places[word][f"{cell.cell.model} {cell.cell.variant} ({name})"] += 1
                    reasons[word][_reason(run)] += 1
                elif not word and _reason(run):
                    unknown[_reason(run)] += 1
    marked = tuple(
        f"Marked {word}: {_counted(places[word])}. Why: {_commonest(reasons[word])}."
        for word in MARKED
        if places[word]
    )
    return (*marked, f"Conditions not known: {_commonest(unknown)}.") if unknown else marked


def _reason(run: RunResult) -> str:
    return str(run.conditions.get("verdict_reason") or "")


def _counted(places: Counter[str]) -> str:
    return ", ".join(f"{count} × {place}" for place, count in places.items())


def _commonest(reasons: Counter[str]) -> str:
    shown = "; ".join(reason for reason, _ in reasons.most_common(_REASONS))
    more = len(reasons) - _REASONS
    return f"{shown}; and {more} more" if more > 0 else shown


def marked_ratios(cells: Sequence[CellSummary]) -> tuple[str, ...]:
    """Return a note on how many blocks of declared ratios have a marked run in them, if any."""
    return marked_among([ratio for cell in cells for ratio in cell.ratios])


def marked_among(ratios: Sequence[RatioSummary]) -> tuple[str, ...]:
    """Return the same note for these ratios."""
    touched = [ratio for ratio in ratios if ratio.estimate and ratio.marked_blocks]
    if not touched:
        return ()
    parts = ", ".join(
        f"{ratio.numerator}/{ratio.denominator} {ratio.marked_blocks} of {ratio.estimate.blocks}"
        for ratio in touched
        if ratio.estimate
    )
    note = f"Ratios with noisy or throttled runs in their blocks: {parts}; they count as others do."
    return (note,)
