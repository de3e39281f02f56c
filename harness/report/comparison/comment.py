"""A comparison as the body of a pull request's comment: changes on top, the rest folded away."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from harness.counted import counted
from harness.model import Table, TableValue
from harness.plugins import registry
from harness.report.comparison.tables import Comparison

MOST_CHARACTERS = 65_536
"""What GitHub takes of a comment."""
MARKER = "<!-- edgebench:comparison -->"
"""Hidden, and by which a bot finds the comment that it updates."""
_CHANGED = ("slower", "faster")


def comment(comparison: Comparison) -> str:
    """Return Markdown that fits; rows that do not are left out from the end, and counted."""
    table, *others = comparison.tables
    verdicts = [n for n, each in enumerate(table.columns) if each.key.startswith("verdict.")]
    changed = [row for row in table.rows if _is_changed(row, verdicts)]
    same = [row for row in table.rows if not _is_changed(row, verdicts)]

    def body(kept: int) -> str:
        top, rest = changed[:kept], same[: max(0, kept - len(changed))]
        return _body(table, others, top, rest, left_out=len(table.rows) - len(top) - len(rest))

    # The more rows, the longer: the first number of rows that is too many, less one.
    too_many = bisect_left(
        range(len(table.rows) + 1), True, key=lambda kept: len(body(kept)) > MOST_CHARACTERS
    )
    return body(max(0, too_many - 1))


def _is_changed(row: Sequence[TableValue], verdicts: Sequence[int]) -> bool:
    # Names are no verdicts: a model may be called faster-rcnn.
    told = (row[place] for place in verdicts)
    return any(isinstance(value, str) and value.startswith(_CHANGED) for value in told)


def _body(
    table: Table,
    others: Sequence[Table],
    changed: Sequence[tuple[TableValue, ...]],
    same: Sequence[tuple[TableValue, ...]],
    *,
    left_out: int,
) -> str:
    parts = [MARKER]
    if changed:
        parts.append(_markdown([replace(table, rows=tuple(changed), notes=())]))
    else:
        parts.append("### No cell became faster or slower\n")
    folded = [replace(table, title="Unchanged or unclear", rows=tuple(same))] if same else []
    parts += [
        (
            f"<details><summary>{counted(len(same), 'row')} unchanged or unclear, and how it was "
            "compared</summary>\n"
        ),
        _markdown([*(folded or [replace(table, title="How it was compared", rows=())]), *others]),
        "</details>",
    ]
    if left_out:
        parts.append(f"\n{counted(left_out, 'row')} left out: a comment has no room for more.")
    return "\n".join(parts) + "\n"


def _markdown(tables: Sequence[Table]) -> str:
    shown: str = registry("formats").get("markdown").render(tables)
    return shown
