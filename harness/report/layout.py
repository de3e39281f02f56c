"""What all tables share: the columns that name a row, and the section that it stands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.model import Column, Figure, Measured, TableValue
from harness.report.cell_ratios import RatioSummary
from harness.report.metric_values import MetricSummary
from harness.report.numbers import Scale, ratio
from harness.report.outcome_words import outcome_word
from harness.report.summary import CellSummary
from harness.report.virtual_section import VIRTUAL_SECTION
from harness.statistics.paired import NO_INTERVAL


class Labels:
    """The leading columns of a table; a column that says nothing here is left out."""

    def __init__(self, cells: Sequence[CellSummary]) -> None:
        self._sessions = len({cell.session_name for cell in cells}) > 1
        files: dict[str, set[str]] = {}
        for cell in cells:
            files.setdefault(cell.cell.model, set()).add(cell.cell.file)
        self._files = any(len(names) > 1 for names in files.values())

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return session (if several), model, file (if several) and target."""
        named = ("session",) * self._sessions + ("model",) + ("file",) * self._files + ("target",)
        return tuple(Column(name, name) for name in named)

    def of(self, cell: CellSummary) -> tuple[str, ...]:
        """Return the values of these columns for one cell."""
        session = (cell.session_name,) * self._sessions
        file = (cell.cell.file,) * self._files
        return (*session, cell.cell.model, *file, cell.cell.target)


def named_columns() -> tuple[Column, ...]:
    """Return the columns that `names_of` fills: all that tells a cell from others."""
    return tuple(Column(name, name) for name in ("model", "file", "target", "variant"))


def names_of(cell: CellSummary) -> tuple[str, str, str, str]:
    """Return a cell's names, for `named_columns`."""
    own = cell.cell
    return (own.model, own.file, own.target, own.variant)


def called(cell: CellSummary, cells: Sequence[CellSummary]) -> str:
    """Return what a cell's model is called among these: `model`, or `model/file` of several."""
    files = {other.cell.file for other in cells if other.cell.model == cell.cell.model}
    return f"{cell.cell.model}/{cell.cell.file}" if len(files) > 1 else cell.cell.model


def section_of(cells: Sequence[CellSummary]) -> str:
    """Return the section of a table's cells, which are all virtual or all real."""
    return VIRTUAL_SECTION if any(cell.virtual for cell in cells) else ""


def absences(
    cells: Sequence[CellSummary],
    metrics_of: Callable[[CellSummary], Sequence[MetricSummary]],
    shown: Sequence[str],
) -> tuple[str, ...]:
    """Return a note per reason for which a shown metric has no value somewhere."""
    reasons: dict[tuple[str, str], list[str]] = {}
    unexplained = False
    for cell in cells:
        metrics = {metric.metric: metric for metric in metrics_of(cell)}
        for name in shown:
            metric = metrics.get(name)
            if metric is not None and metric.n:
                continue
            place = f"{called(cell, cells)} on {cell.cell.target}/{cell.cell.variant}"
            given = metric.absent if metric is not None else ()
            unexplained = unexplained or not given
            for reason in given:
                reasons.setdefault((name, reason), []).append(place)
    found = [
        f"No {name}: {reason} ({', '.join(places)})." for (name, reason), places in reasons.items()
    ]
    if unexplained:
        found.append("–: that target does not report it.")
    return tuple(found)


def left_out(cells: Sequence[CellSummary], rows: Sequence[CellSummary]) -> tuple[str, ...]:
    """Return a note on how many cells have no row, if any."""
    number = len(cells) - len(rows)
    if not number:
        return ()
    return (f"{number} of {len(cells)} cells have no measured run here: see Coverage.",)


def time_or_word(cell: CellSummary | None, scale: Scale) -> TableValue:
    """Return a cell's time, or in a word why there is none; None where there is no cell."""
    if cell is None:
        return None
    if cell.time:
        return scale.figure(cell.time.median, low=cell.time.low, high=cell.time.high)
    if cell.time_absent:
        return "no value"
    if not cell.latency.troubled:
        return "not run"
    outcome = cell.latency.troubled[-1].outcome
    return None if isinstance(outcome, Measured) else outcome_word(outcome)


def gain(found: RatioSummary | None) -> Figure | None:
    """Return a ratio as a speed-up with its verdict."""
    if found is None or found.estimate is None:
        return None
    judged = found.verdict
    return ratio(found.estimate, "" if judged is None or judged == NO_INTERVAL else judged)
