"""`edgebench table DIR…`: tables from result folders, on any laptop."""

from __future__ import annotations

import argparse

from harness import plan, store
from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, SuiteError
from harness.report import operators, tables


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    selection = plan.parse_selection(arguments.only)
    folders = [store.read(path) for path in store.find_folders(arguments.folders)]
    if not any(selection.admits(cell) for folder in folders for cell in folder.session.cells):
        raise SuiteError(
            "--only leaves no cell of these results", hint="see all of them without --only"
        )
    build = operators.operator_tables if arguments.ops else tables.build
    print_tables(build(folders, selection.admits), arguments.format)
    return EXIT_OK
