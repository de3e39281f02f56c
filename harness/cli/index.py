"""`edgebench index`: the index of all result folders, brought up to date or made anew."""

from __future__ import annotations

import argparse

from harness.cli import say
from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, EXIT_STORE
from harness.history.refresh import ask_index, problems, rebuild
from harness.report.index_tables import index_tables


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 4 if a result folder cannot be read."""
    if arguments.rebuild:
        rebuild(arguments.results, say)
    tables, unreadable = ask_index(
        arguments.results, lambda index: (index_tables(index), problems(index)), say
    )
    print_tables(tables, arguments.format)
    return EXIT_STORE if unreadable else EXIT_OK
