"""`edgebench regressions`: what became worse, since when, and what changed that night."""

from __future__ import annotations

import argparse

from harness.cli import say
from harness.cli.printing import print_tables
from harness.errors import EXIT_FINDINGS, EXIT_OK
from harness.history.database import Database
from harness.history.refresh import ask_index
from harness.history.series import read_changed
from harness.model import Table
from harness.report.history_tables import regression_tables
from harness.selection import parse_selection


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 1 if anything became worse."""
    selection, since = parse_selection(arguments.only), arguments.since or ""

    def ask(index: Database) -> tuple[tuple[Table, ...], int]:
        return regression_tables(
            read_changed(index, selection, since_utc=since),
            since_utc=since,
            improvements=arguments.improvements,
        )

    tables, worse = ask_index(arguments.results, ask, say)
    print_tables(tables, arguments.format)
    if not tables:
        say("nothing became worse" + (f" since {since}" if since else ""))
    return EXIT_FINDINGS if worse else EXIT_OK
