"""`edgebench table DIR…`: tables from result folders, on any laptop."""

from __future__ import annotations

import argparse

from harness import plan, store
from harness.cli.collecting import without_collecting
from harness.cli.printing import print_tables
from harness.errors import EXIT_OK, SuiteError
from harness.report import operators, tables


@without_collecting()
def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    if arguments.ops and arguments.family_wise:
        raise SuiteError(
            "--ops gives no verdicts, so none of them can hold together",
            hint="leave out --family-wise, or --ops",
        )
    selection = plan.parse_selection(arguments.only)
    folders = [store.read(path) for path in store.find_folders(arguments.folders)]
    if not any(selection.admits(cell) for folder in folders for cell in folder.session.cells):
        raise SuiteError(
            "--only leaves no cell of these results", hint="see all of them without --only"
        )
    if arguments.ops:
        shown = operators.operator_tables(folders, selection.admits)
    else:
        shown = tables.build(folders, selection.admits, family_wise=arguments.family_wise)
    print_tables(shown, arguments.format)
    return EXIT_OK
