"""What tables say about how many blocks there are, where that was decided by a precision."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.counted import counted
from harness.looks import Standing
from harness.model import Column, SessionRecord, TableValue
from harness.report.numbers import significant
from harness.report.summary import CellSummary

_COLUMN = Column("sampling", "sampling")


def sampling_column(cells: Sequence[CellSummary]) -> tuple[Column, ...]:
    """Return the column that says what each row's precision came to, where one was asked for."""
    return (_COLUMN,) if any(cell.sampling for cell in cells) else ()


def sampling_of(cell: CellSummary) -> TableValue:
    """Say in a row what was reached: `14 blocks, ±1.80 % of 2 %`, or why it was not."""
    standing, precision = cell.sampling, cell.session.precision
    if standing is None or precision is None:
        return None
    blocks = counted(standing.looked, "block")
    reached = f"{_seen(standing)} of {_share(precision)}"
    match standing.state:
        case "reached" if standing.seen.half_width is None:
            return f"{blocks}, nothing to estimate"
        case "reached":
            return f"{blocks}, {reached}"
        case "not reached":
            return f"not reached: {blocks}, {reached}"
        case "budget spent":
            return f"budget spent after {blocks}, {reached}"
        case "sampling" if standing.looked:
            return f"unfinished: {blocks}, {reached}"
    return f"unfinished: before {standing.planned} blocks"


def blocks_made(cells: Sequence[CellSummary]) -> str:
    """Say how many blocks a session's models have: `10 blocks`, or how many it took."""
    session = cells[0].session
    if session.precision is None:
        return counted(session.blocks, "block")
    numbers = [cell.sampling.planned for cell in cells if cell.sampling]
    low, high = min(numbers), max(numbers)
    return f"{low}–{high} blocks" if low < high else counted(low, "block")


def blocks_asked(session: SessionRecord) -> str:
    """Say how many blocks of each model a session was to make: `10`, or `6–30`."""
    return f"{session.looks[0]}–{session.blocks}" if session.looks else str(session.blocks)


def rule_of(session: SessionRecord) -> str:
    """Say by which rule a session's blocks were as many as they are; '' if the number was fixed."""
    if session.precision is None:
        return ""
    looks = ", ".join(map(str, session.looks[:-1]))
    budget = (
        f", and none began once those of a bench had taken {session.budget_s / 60:.4g} min"
        if session.budget_s is not None
        else ""
    )
    return (
        f"blocks were added until every 95 % interval of a model reached at most "
        f"{_share(session.precision)} to either side, whatever it said, or {session.looks[-1]} "
        f"were made (looks after {looks} and {session.looks[-1]}){budget}"
    )


def sampling_notes(cells: Sequence[CellSummary]) -> tuple[str, ...]:
    """Return what the column of a table means, and which intervals it could not be about."""
    asked = [cell for cell in cells if cell.sampling]
    if not asked:
        return ()
    notes = [
        (
            "sampling: the widest 95 % interval among the ratios of the row's model on its bench, "
            "of the width that was asked for (of the times themselves where nothing is compared: "
            "it bounds the middle of this session's runs alone)."
        )
    ]
    lacking = [c.cell.model for c in asked if c.sampling and c.sampling.seen.left_out]
    if lacking:
        names = ", ".join(dict.fromkeys(lacking))
        notes.append(f"Left out of it, since more blocks gave them nothing: intervals of {names}.")
    return tuple(notes)


def _seen(standing: Standing) -> str:
    width = standing.seen.half_width
    if width is None or math.isinf(width):
        return "no interval"
    return f"±{significant(100 * math.expm1(width))} %"


def _share(precision: float) -> str:
    return f"{100 * precision:.4g} %"
