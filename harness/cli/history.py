"""`edgebench history CELL`: a cell session by session, and where it changed."""

from __future__ import annotations

import argparse

from harness.cli import say
from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, SuiteError
from harness.history.database import Database
from harness.history.refresh import ask_index
from harness.history.series import Series, known_cells, metrics_of, read_series
from harness.report.history_tables import history_tables
from harness.selection import WORDS, Selection, parse_selection

SHOWN_AT_A_TERMINAL = 30


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb."""

    def ask(index: Database) -> tuple[Series, ...]:
        return _histories(index, arguments.cell, arguments.metric)

    last = arguments.last
    if last is None and arguments.format in (None, "terminal"):
        last = SHOWN_AT_A_TERMINAL
    histories = ask_index(arguments.results, ask, say)
    print_tables(history_tables(histories, last=last), arguments.format)
    return EXIT_OK


def _histories(index: Database, cell: str, metric: str | None) -> tuple[Series, ...]:
    selection = _selection(index, cell)
    found = tuple(read_series(index, selection, metric=metric))
    if not found:
        known = ", ".join(metrics_of(index, selection)) or "nothing: no run of it was measured"
        raise SuiteError(
            f"there is no history of {metric or 'the latency'} of {cell}",
            hint=f"name another one with --metric; known is {known}",
        )
    return found


def _selection(index: Database, text: str) -> Selection:
    """Return what a selection or a label means.

    Raises:
        SuiteError: it means no cell that was ever measured.
    """
    cells = known_cells(index)
    if "=" in text:
        selection = parse_selection([text])
        if any(selection.admits(cell) for cell in cells):
            return selection
    for cell in cells:
        if cell.label == text:
            return Selection({word: frozenset({getattr(cell, word)}) for word in WORDS})
    raise SuiteError(
        f"no cell that was measured is {text!r}",
        hint=_nearest(text, [cell.label for cell in cells]),
    )


def _nearest(text: str, labels: list[str]) -> str:
    if not labels:
        return "there are no results yet: measure some with edgebench run"
    from difflib import get_close_matches

    near = get_close_matches(text, labels, n=3, cutoff=0.3) or labels[:3]
    return "such as: " + "; ".join(repr(label) for label in near)
